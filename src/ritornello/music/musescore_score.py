"""The written content of a MuseScore file (formats 2 and 3): bars, and for each staff its notes.

Format 2 lays the voices of a bar one after the other with <tick> (absolute) between them, <track> in each
chord, and refers to tuplets, ties and endings by number. Format 3 has <voice> elements, relative <location>
skips, <Tuplet>...<endTuplet/> brackets, and spanners that say where they lead. Both are read by one walk.
Element names and their meaning: MuseScore's own files and its MusicXML export of them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ritornello.music.musescore_repeats import Bar, Jump

QUARTERS = {
    "longa": Fraction(16),
    "breve": Fraction(8),
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4),
    "32nd": Fraction(1, 8),
    "64th": Fraction(1, 16),
    "128th": Fraction(1, 32),
    "256th": Fraction(1, 64),
    "512th": Fraction(1, 128),
    "1024th": Fraction(1, 256),
}
DOTTED = {(kind, dots): q * (2 - Fraction(1, 2**dots)) for kind, q in QUARTERS.items() for dots in range(5)}
OTTAVAS = {"8va": 12, "8vb": -12, "15ma": 24, "15mb": -24, "22ma": 36, "22mb": -36}
GRACE = frozenset(
    ("acciaccatura", "appoggiatura", "grace4", "grace8", "grace16", "grace32", "grace64")
    + ("grace8after", "grace16after", "grace32after")
)


class Sound(NamedTuple):
    """One written note head: bar index, offset in the bar and duration in quarters, sounding pitch.

    tied_from, tied_to: the tie that arrives and the tie that leaves, None without one.
    """

    bar: int
    offset: Fraction
    duration: Fraction
    pitch: int
    tied_from: Hashable = None
    tied_to: Hashable = None


class Change(NamedTuple):
    """Something that holds from `at` (quarters) on: a key ("fifths mode") or a tempo (quarters per minute)."""

    at: Fraction
    value: tuple[int, str] | float


class BarFault(NamedTuple):
    """A voice that does not fill its bar: staff and bar counted from 1, voice 1-4, and what is wrong."""

    staff: int
    bar: int
    voice: int
    problem: str


@dataclass(slots=True)
class Staff:
    """One staff as written: its notes in file order, what it is called, how many syllables are sung on it."""

    name: str = ""
    program: int = 0
    is_drum: bool = False
    transposes: bool = False
    syllables: int = 0
    sounds: list[Sound] = field(default_factory=list)
    keys: list[Change] = field(default_factory=list)
    tempos: list[Change] = field(default_factory=list)
    faults: list[BarFault] = field(default_factory=list)


@dataclass(slots=True)
class Score:
    """All that the reader takes from a file; `bars` are in written order."""

    bars: list[Bar]
    staves: list[Staff]
    tags: dict[str, str]


def read_score(root: Element) -> Score:
    """The written content under the <museScore> element. Raises ValueError naming staff and bar."""
    score = root.find("Score")
    elements = {e.get("id"): e for e in ([] if score is None else score.findall("Staff"))}
    if score is None or not elements:
        raise ValueError("it holds no staff")
    bars = _bars(next(iter(elements.values())))
    division = int(score.findtext("Division") or 480)
    is_old = (root.get("version") or "").startswith("2")
    instruments = _instruments(score)
    staves = []
    for number, (name, element) in enumerate(elements.items(), 1):
        reader = _StaffReader(bars, number, division if is_old else 0, instruments.get(name or "", Staff()))
        reader.read(element)
        staves.append(reader.staff)
    tags = {tag.get("name") or "": (tag.text or "").strip() for tag in score.findall("metaTag")}
    return Score(bars, staves, {**_frame_titles(score), **{k: v for k, v in tags.items() if v}})


def _frame_titles(score: Element) -> dict[str, str]:
    """What the frame above the music prints as title and composer, under the names of the tags."""
    names = {"Title": "workTitle", "Composer": "composer"}
    found: dict[str, str] = {}
    for text in score.findall("Staff/VBox/Text"):
        style, body = text.findtext("style") or "", text.find("text")
        if style in names and body is not None:
            found.setdefault(names[style], " ".join("".join(body.itertext()).split()))
    return found


def _instruments(score: Element) -> dict[str, Staff]:
    """An empty Staff for each staff id, with the name and sound of the part that it belongs to."""
    staves = {}
    for part in score.findall("Part"):
        instrument = part.find("Instrument")
        if instrument is None:
            continue
        long_name = instrument.find("longName")
        name = "" if long_name is None else " ".join("".join(long_name.itertext()).split())
        program = instrument.find("Channel/program")
        for staff in part.findall("Staff"):
            staves[staff.get("id") or ""] = Staff(
                name or (part.findtext("trackName") or instrument.findtext("trackName") or "").strip(),
                max(0, min(127, int(program.get("value") or 0))) if program is not None else 0,
                (instrument.findtext("useDrumset") or "0").strip() not in ("0", ""),
                int(instrument.findtext("transposeChromatic") or 0) % 12 != 0,
            )
    return staves


def _measures(staff: Element) -> list[Element]:
    """The bars of a staff, without the copies that stand for multi-measure rests."""
    return [m for m in staff.findall("Measure") if m.find("multiMeasureRest") is None]


def _bars(staff: Element) -> list[Bar]:
    """The bars as the first staff has them: lengths, signatures, repeat signs, markers, jumps."""
    bars: list[Bar] = []
    metre, start = (4, 4), Fraction(0)
    for element in staff:
        if element.tag == "Measure" and element.find("multiMeasureRest") is None:
            metre = _opening_metre(element) or metre
            length = 4 * _fraction(element.get("len") or f"{metre[0]}/{metre[1]}")
            if length <= 0:
                raise ValueError(f"bar {len(bars) + 1} has no length")
            bars.append(_bar(element, start, length, metre))
            start += length
        elif bars and element.tag in ("VBox", "HBox", "TBox"):
            bars[-1].closes_section |= _breaks_section(element)
    return bars


def _bar(measure: Element, start: Fraction, length: Fraction, metre: tuple[int, int]) -> Bar:
    times = measure.find("endRepeat")
    return Bar(
        start,
        length,
        metre,
        repeat_start=measure.find("startRepeat") is not None,
        repeat_times=0 if times is None else int(times.text or 2),
        labels=tuple(marker.findtext("label") or "" for marker in measure.findall("Marker")),
        jump=_jump(measure.find("Jump")),
        closes_section=_breaks_section(measure),
    )


def _jump(element: Element | None) -> Jump | None:
    if element is None:
        return None
    to, until, then, repeats = (
        (element.findtext(name) or "").strip() for name in ("jumpTo", "playUntil", "continueAt", "playRepeats")
    )
    return Jump(to, until, then, with_repeats=repeats == "1")


def _breaks_section(element: Element) -> bool:
    return any(e.findtext("subtype") == "section" for e in element.findall("LayoutBreak"))


def _opening_metre(measure: Element) -> tuple[int, int] | None:
    """The time signature at the head of a bar, with a local signature's stretch taken out of it."""
    for element in measure.findall("voice") or [measure]:
        for child in element:
            if child.tag in ("Chord", "Rest", "location", "tick"):
                break
            if child.tag == "TimeSig":
                numerator, denominator = int(child.findtext("sigN") or 0), int(child.findtext("sigD") or 0)
                stretch = _stretch(child)
                if stretch != 1:
                    exact = Fraction(numerator, denominator) / stretch
                    numerator, denominator = exact.numerator, exact.denominator
                    while denominator < 4:  # 1/1 is better said as 4/4
                        numerator, denominator = 2 * numerator, 2 * denominator
                if numerator < 1 or denominator < 1:
                    raise ValueError(f"a time signature of {numerator}/{denominator}")
                return numerator, denominator
    return None


def _stretch(time_signature: Element) -> Fraction:
    return Fraction(int(time_signature.findtext("stretchN") or 1), int(time_signature.findtext("stretchD") or 1))


def _fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator or 1))


def _written_fraction(element: Element) -> Fraction:
    """A fraction of a whole note: <duration>1/4</duration>, in some files <duration z="1" n="4"/>."""
    if element.text and element.text.strip():
        return _fraction(element.text)
    return Fraction(int(element.get("z") or 0), int(element.get("n") or 0))


class _StaffReader:
    """Walks the bars of one staff. division: ticks per quarter in format 2, 0 for format 3."""

    def __init__(self, bars: list[Bar], number: int, division: int, staff: Staff) -> None:
        self.bars, self.number, self.division, self.staff = bars, number, division, staff
        self.bar = self.voice = 0
        self.offset = Fraction(0)
        self.stretch = Fraction(1)
        self.factors: list[Fraction] = []  # format 3: what the open tuplets multiply durations by
        self.tuplets: dict[str, Fraction] = {}  # format 2: the same by tuplet number
        self.spanners: dict[str, tuple[Element, Fraction]] = {}  # format 2: open endings and octave lines
        self.octaves: list[tuple[Fraction, Fraction, int]] = []
        self.spans: dict[int, list[tuple[Fraction, Fraction]]] = {}  # by voice: what fills this bar

    def read(self, element: Element) -> None:
        """Take in all bars. Raises ValueError naming staff and bar."""
        measures = _measures(element)
        if len(measures) != len(self.bars):
            raise ValueError(f"staff {self.number} has {len(measures)} bars, the first staff has {len(self.bars)}")
        for self.bar, measure in enumerate(measures):
            self.spans = {}
            try:
                self._measure(measure)
            except (ValueError, KeyError, ZeroDivisionError, OverflowError) as error:
                raise ValueError(f"staff {self.number}, bar {self.bar + 1}: {error}") from None
            self._check_fill()
        for element, start in self.spanners.values():
            self._close(element, start, self.bars[-1].end)
        self._shift_octaves()

    def _measure(self, measure: Element) -> None:
        voices: Iterable[Element] = [measure] if self.division else measure.findall("voice")
        for self.voice, items in enumerate(voices):
            self.offset = Fraction(0)
            self.factors = []
            for element in items:
                handler = _HANDLERS.get(element.tag)
                if handler:
                    handler(self, element)

    @property
    def now(self) -> Fraction:
        """Where the walk stands, in quarters from the start of the written score."""
        return self.bars[self.bar].start + self.offset

    def _chord(self, element: Element) -> None:
        notes = []
        for child in element:
            tag = child.tag
            if tag in GRACE:
                return
            if tag == "Note":
                notes.append(child)
            elif tag == "Lyrics" and (child.findtext("no") or "0").strip() == "0" and child.find("text") is not None:
                self.staff.syllables += 1
        start = self.offset
        duration = self._advance(element)
        for note in notes:
            self._note(note, start, duration)

    def _note(self, note: Element, start: Fraction, duration: Fraction) -> None:
        if (note.findtext("play") or "1").strip() == "0":
            return
        pitch = int(note.findtext("pitch") or -1)
        if not 0 <= pitch <= 127:
            raise ValueError(f"pitch must be 0 to 127, not {pitch}")
        tied_from, tied_to = (self._numbered_ties if self.division else self._located_ties)(note, start, pitch)
        self.staff.sounds.append(Sound(self.bar, start, duration, pitch, tied_from, tied_to))

    def _numbered_ties(self, note: Element, start: Fraction, pitch: int) -> tuple[Hashable, Hashable]:
        """Format 2: <Tie id="7"> leaves, <endSpanner id="7"/> arrives."""
        leaves, arrives = note.find("Tie"), note.find("endSpanner")
        return None if arrives is None else arrives.get("id"), None if leaves is None else leaves.get("id")

    def _located_ties(self, note: Element, start: Fraction, pitch: int) -> tuple[Hashable, Hashable]:
        """Format 3: a tie is known by the note that it leads to, (bar, offset, staff, voice, pitch)."""
        arrives = leaves = None
        for spanner in note.findall("Spanner"):
            if spanner.get("type") != "Tie":
                continue
            if spanner.find("prev") is not None:
                arrives = (self.bar, start, self.number, self.voice, pitch)
            target = spanner.find("next/location")
            if target is not None:
                bars, quarters, staves, voices = _location(target)
                leaves = (self.bar + bars, start + quarters, self.number + staves, self.voice + voices, pitch)
        return arrives, leaves

    def _rest(self, element: Element) -> None:
        self._advance(element)

    def _advance(self, element: Element) -> Fraction:
        """Step over a chord or rest and note what it fills; returns its duration in quarters."""
        track = element.findtext("track") if self.division else None
        if self.division:
            self.voice = int(track or 0) % 4
        duration = self._duration(element)
        end = self.offset + duration
        self.spans.setdefault(self.voice, []).append((self.offset, end))
        self.offset = end
        return duration

    def _duration(self, element: Element) -> Fraction:
        """Quarters that a chord or rest lasts; of a two-note tremolo <duration> says the half that is its own."""
        kind = (element.findtext("durationType") or "").strip()
        if kind == "measure":
            return self.bars[self.bar].length
        written = element.find("duration")
        dots = int(element.findtext("dots") or 0)
        duration = DOTTED[kind, dots] if written is None else 4 * _written_fraction(written)
        tuplet = element.findtext("Tuplet") if self.division else None
        if tuplet is not None:
            duration = duration * self.tuplets[tuplet]
        elif self.factors:
            duration = duration * self.factors[-1]
        duration = duration if self.stretch == 1 else duration / self.stretch
        if duration <= 0:
            raise ValueError("a note or rest without length")
        return duration

    def _tuplet(self, element: Element) -> None:
        """A tuplet opens: in format 2 known by number, maybe inside another; in format 3 a bracket."""
        factor = Fraction(int(element.findtext("normalNotes") or 0), int(element.findtext("actualNotes") or 0))
        if self.division:
            outer = element.findtext("Tuplet")
            self.tuplets[element.get("id") or ""] = factor * (self.tuplets[outer] if outer else 1)
        else:
            self.factors.append(factor * (self.factors[-1] if self.factors else 1))

    def _end_tuplet(self, _: Element) -> None:
        if self.factors:
            self.factors.pop()

    def _tick(self, element: Element) -> None:
        """Format 2 goes to a tick, rounded inside tuplets: meet the exact place that was rounded."""
        ticks = Fraction(int(element.text or 0)) - self.bars[self.bar].start * self.division
        edges = {edge for spans in self.spans.values() for span in spans for edge in span}
        near = [edge for edge in edges if abs(edge * self.division - ticks) < 1]
        self.offset = min(near, key=lambda e: abs(e * self.division - ticks)) if near else ticks / self.division

    def _skip(self, element: Element) -> None:
        bars, quarters, _, _ = _location(element)
        if bars:
            raise ValueError("a voice that skips whole bars")
        self.offset += quarters

    def _time_signature(self, element: Element) -> None:
        if self.offset == 0:  # elsewhere it only announces the next bar's
            self.stretch = _stretch(element)

    def _key(self, element: Element) -> None:
        fifths = int(element.findtext("accidental") or 0)
        if -7 <= fifths <= 7:
            mode = "minor" if element.findtext("mode") == "minor" else "major"
            self.staff.keys.append(Change(self.now, (fifths, mode)))

    def _tempo(self, element: Element) -> None:
        quarters_per_second = float(element.findtext("tempo") or 0)
        if quarters_per_second > 0:
            self.staff.tempos.append(Change(self.now, round(quarters_per_second * 60, 3)))

    def _spanner(self, element: Element) -> None:
        """Format 3: an ending or octave line with the place where it stops."""
        target, content = element.find("next/location"), element.find(element.get("type") or "*")
        if content is None or target is None or content.tag not in ("Volta", "Ottava"):
            return
        bars, quarters, _, _ = _location(target)
        last = min(self.bar + bars, len(self.bars))
        start = self.bars[last].start if last < len(self.bars) else self.bars[-1].end
        self._close(content, self.now, start + self.offset + quarters)

    def _open(self, element: Element) -> None:
        """Format 2: an ending or octave line begins, to be closed by its number."""
        self.spanners[element.get("id") or ""] = (element, self.now)

    def _end_spanner(self, element: Element) -> None:
        opened = self.spanners.pop(element.get("id") or "", None)
        if opened:
            self._close(*opened, self.now)

    def _close(self, element: Element, start: Fraction, end: Fraction) -> None:
        if element.tag == "Ottava":
            subtype = (element.findtext("subtype") or "8va").strip()
            self.octaves.append((start, end, OTTAVAS[subtype]))
            return
        passes = tuple(int(n) for n in (element.findtext("endings") or "").replace(",", " ").split())
        for bar in self.bars:
            if start <= bar.start < end:
                bar.passes = passes

    def _repeat_bar(self, element: Element) -> None:
        """A bar-repeat sign plays the bar before it again."""
        again = [s for s in self.staff.sounds if s.bar == self.bar - 1]
        self.staff.sounds += [s._replace(bar=self.bar, tied_from=None, tied_to=None) for s in again]
        self.spans.setdefault(self.voice, []).append((self.offset, self.bars[self.bar].length))

    def _shift_octaves(self) -> None:
        """Pitches are stored as read from the page: an octave line moves what stands under it."""
        for start, end, semitones in self.octaves:
            for i, sound in enumerate(self.staff.sounds):
                if start <= self.bars[sound.bar].start + sound.offset < end:
                    self.staff.sounds[i] = sound._replace(pitch=max(0, min(127, sound.pitch + semitones)))

    def _check_fill(self) -> None:
        """Note voices that overlap themselves or run over the bar, and a first voice with a hole."""
        length = self.bars[self.bar].length
        for voice in sorted({0, *self.spans}):
            problem = _fill_problem(self.spans.get(voice, []), length, voice == 0)
            if problem:
                self.staff.faults.append(BarFault(self.number, self.bar + 1, voice + 1, problem))


def _fill_problem(spans: list[tuple[Fraction, Fraction]], length: Fraction, must_be_full: bool) -> str:
    """What keeps `spans` from filling a bar, "" if nothing; what other voices than the first skip is a rest."""
    reached = Fraction(0)
    for start, end in sorted(spans):
        if start < reached:
            return f"overlaps itself at quarter {start}"
        if start > reached and must_be_full:
            return f"is empty from quarter {reached} to {start}"
        reached = end
    if reached > length:
        return f"holds {reached} quarters, the bar {length}"
    if reached < length and must_be_full:
        return f"holds {reached} quarters, the bar {length}"
    return ""


def _location(element: Element) -> tuple[int, Fraction, int, int]:
    """Bars, quarters, staves and voices from here to there."""
    return (
        int(element.findtext("measures") or 0),
        4 * _fraction(element.findtext("fractions") or "0/1"),
        int(element.findtext("staves") or 0),
        int(element.findtext("voices") or 0),
    )


_HANDLERS = {
    "Chord": _StaffReader._chord,
    "Rest": _StaffReader._rest,
    "Tuplet": _StaffReader._tuplet,
    "endTuplet": _StaffReader._end_tuplet,
    "tick": _StaffReader._tick,
    "location": _StaffReader._skip,
    "TimeSig": _StaffReader._time_signature,
    "KeySig": _StaffReader._key,
    "Tempo": _StaffReader._tempo,
    "Spanner": _StaffReader._spanner,
    "Volta": _StaffReader._open,
    "Ottava": _StaffReader._open,
    "endSpanner": _StaffReader._end_spanner,
    "RepeatMeasure": _StaffReader._repeat_bar,
}

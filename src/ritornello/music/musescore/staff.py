"""Read one staff of a MuseScore file (formats 2 to 4): its notes with their places in the bars.

Format 2 has the voices of a bar one after the other with <tick> (absolute) between them, <track> in each
chord, and refers to tuplets, ties and endings by number. Format 3 has <voice> elements, relative <location>
skips, <Tuplet>...<endTuplet/> brackets, and spanners that say where they lead. Format 4 is
like format 3, but states the sounding key, repeats several bars with one sign and has ties that cross a jump. One
reader reads all.
"""

from __future__ import annotations

import re
from collections.abc import Container, Hashable, Iterable
from fractions import Fraction
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ritornello.music.beats import TYPES
from ritornello.music.chords import Symbol, symbols_of
from ritornello.music.keys import mode_named
from ritornello.music.musescore.repeats import WrittenBar

QUARTERS = {"longa": Fraction(16), **{name: length for length, name in TYPES.items()}}
DOTTED = {(kind, dots): q * (2 - Fraction(1, 2**dots)) for kind, q in QUARTERS.items() for dots in range(5)}
OTTAVAS = {"8va": 12, "8vb": -12, "15ma": 24, "15mb": -24, "22ma": 36, "22mb": -36}
ACROSS_JUMP = "across a jump"  # the name of every tie that leads to or from wherever the music goes on
GRACE = frozenset(
    [
        *("acciaccatura", "appoggiatura", "grace4", "grace8", "grace16", "grace32", "grace64"),
        *("grace8after", "grace16after", "grace32after"),
    ]
)


class Sound(NamedTuple):
    """One written note head: bar index, offset in the bar and duration in quarters, sounding pitch.

    tied_from, tied_to: the tie that arrives and the tie that leaves, None without one. voice: of its staff, from 0.
    """

    bar: int
    offset: Fraction
    duration: Fraction
    pitch: int
    tied_from: Hashable = None
    tied_to: Hashable = None
    voice: int = 0


def measures(staff: Element) -> list[Element]:
    """List the bars of a staff, without the copies that stand for multi-measure rests."""
    return [m for m in staff.findall("Measure") if m.find("multiMeasureRest") is None]


def stretch_of(time_signature: Element) -> Fraction:
    return Fraction(int(time_signature.findtext("stretchN") or 1), int(time_signature.findtext("stretchD") or 1))


def to_fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator or 1))


class Staff:
    """One staff as written: its name, notes in file order, and how many syllables are sung on it.

    division: ticks per quarter in format 2, 0 for format 3.
    keys: (time, (fifths, mode)). tempos: (time, quarters per minute). Times in quarters of the written score.
    faults: voices that do not fill their bar. The first voice must fill every bar without a hole; the others may
    leave stretches out, which are rests, but may neither overlap themselves nor run over the barline.
    """

    def __init__(
        self,
        bars: list[WrittenBar],
        number: int,
        division: int,
        name: str,
        program: int,
        is_drum: bool,
        instrument: Element | None,
        at_pitch: bool,
    ) -> None:
        self.bars, self.number, self.division = bars, number, division
        self.name, self.program, self.is_drum = name, program, is_drum
        self.at_pitch = at_pitch  # keys are written as they sound
        self.fifths_written_above = self._fifths_above(instrument)
        self.key_is_written = True
        self.tie_starts: Container[str | None] = ()
        self.syllables = 0
        self.sounds: list[Sound] = []
        self.keys: list[tuple[Fraction, tuple[int, str]]] = []
        self.tempos: list[tuple[Fraction, float]] = []
        self.chords: list[tuple[Fraction, Symbol]] = []
        self.unread: list[str] = []  # chord symbols of other kinds
        self.faults: list[str] = []
        self.open_endings: list[int] = []  # last bars of endings whose line has no hook at its end
        # the place of the reader, and what is open there
        self.bar = self.voice = 0
        self.offset = Fraction(0)
        self.stretch = Fraction(1)
        self.factors: list[Fraction] = []  # format 3: what the open tuplets multiply durations by
        self.tuplets: dict[str, Fraction] = {}  # format 2: the same by tuplet number
        self.spanners: dict[str, tuple[Element, Fraction]] = {}  # format 2: open endings and octave lines
        self.place_in_group = 0  # of this bar among those that a bar-repeat sign stands for
        self.repeated: dict[int, int] = {}  # by the first bar under such a sign, how many bars it stands for
        self.octaves: list[tuple[Fraction, Fraction, int]] = []
        self.spans: dict[int, list[tuple[Fraction, Fraction]]] = {}  # by voice: what fills this bar

    def read(self, element: Element, tie_starts: Container[str | None] = ()) -> None:
        """Take in all bars. Raises ValueError naming staff and bar.

        tie_starts: the ids of all notes that a tie names as its start.
        """
        self.tie_starts = tie_starts
        written = measures(element)
        if len(written) != len(self.bars):
            raise ValueError(f"staff {self.number} has {len(written)} bars, the first staff has {len(self.bars)}")
        for self.bar, measure in enumerate(written):
            self.spans = {}
            try:
                self._measure(measure)
            except (ValueError, KeyError, IndexError, ArithmeticError) as error:
                reason = str(error) if isinstance(error, ValueError) else f"a value that makes no sense ({error})"
                raise ValueError(f"staff {self.number}, bar {self.bar + 1}: {reason}") from None
            for voice in sorted({0, *self.spans}):
                problem = _fill_problem(self.spans.get(voice, []), self.bars[self.bar].length, voice == 0)
                if problem:
                    self.faults.append(f"staff {self.number}, bar {self.bar + 1}, voice {voice + 1}: {problem}")
        for element, start in self.spanners.values():
            self._close(element, start, self.bars[-1].end)
        self._play_again()
        self._shift_octaves()

    def _measure(self, measure: Element) -> None:
        self.place_in_group = int(measure.findtext("measureRepeatCount") or 1) - 1
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
        """The current place, in quarters from the start of the written score."""
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
                self.syllables += 1
        start = self.offset
        duration = self._advance(element)
        for note in notes:
            self._note(note, start, duration)

    def _note(self, note: Element, start: Fraction, duration: Fraction) -> None:
        if not _is_played(note):
            return
        pitch = int(note.findtext("pitch") or -1)
        if not 0 <= pitch <= 127:
            raise ValueError(f"pitch must be 0 to 127, not {pitch}")
        tied_from, tied_to = self._ties(note, start, pitch)
        self.sounds.append(Sound(self.bar, start, duration, pitch, tied_from, tied_to, self.voice))

    def _ties(self, note: Element, start: Fraction, pitch: int) -> tuple[Hashable, Hashable]:
        """Find the ties that arrive and leave, each by a name that both of its ends give it.

        Format 2 numbers them: <Tie id="7"> leaves, <endSpanner id="7"/> arrives. Format 3 says where they lead: the
        name is that of the note there, (bar, offset, staff, voice, pitch). Format 4 also has partial ties, which lead
        to wherever the music goes on; its later versions name the note that a tie comes from by its id.
        """
        if self.division:
            end, begin = note.find("endSpanner"), note.find("Tie")
            return None if end is None else end.get("id"), None if begin is None else begin.get("id")
        own_id = note.findtext("eid")
        arrives: Hashable = note.findtext("Tie/startElement")
        leaves: Hashable = own_id if own_id in self.tie_starts else None
        for partial in note.findall("PartialTie"):
            direction = (partial.findtext("partialSpannerDirection") or "").strip()
            arrives = ACROSS_JUMP if direction in ("incoming", "both") else arrives
            leaves = ACROSS_JUMP if direction != "incoming" else leaves
        for spanner in note.findall("Spanner[@type='Tie']"):
            if spanner.find("prev") is not None:
                arrives = (self.bar, start, self.number, self.voice, pitch)
            target = spanner.find("next/location")
            if target is not None and _is_played(spanner.find("Tie")):
                bars, quarters, staves, voices = _location(target)
                leaves = (self.bar + bars, start + quarters, self.number + staves, self.voice + voices, pitch)
        return arrives, leaves

    def _advance(self, element: Element) -> Fraction:
        """Step over a chord or rest and record its span; returns its duration in quarters."""
        if self.division:
            self.voice = int(element.findtext("track") or 0) % 4
        duration = self._duration(element)
        if not 0 <= self.offset < self.bars[self.bar].length:
            raise ValueError(f"voice {self.voice + 1} has a note or rest at quarter {self.offset}, outside its bar")
        end = self.offset + duration
        self.spans.setdefault(self.voice, []).append((self.offset, end))
        self.offset = end
        return duration

    def _duration(self, element: Element) -> Fraction:
        """Read the quarters of a chord or rest; for a two-note tremolo, of its own half."""
        kind = (element.findtext("durationType") or "").strip()
        if kind == "measure":
            return self.bars[self.bar].length
        written = element.find("duration")
        dots = int(element.findtext("dots") or 0)
        if written is None:
            duration = DOTTED[kind, dots]
        elif written.text and written.text.strip():  # <duration>1/4</duration>, of a whole note
            duration = 4 * to_fraction(written.text)
        else:  # <duration z="1" n="4"/>
            duration = 4 * Fraction(int(written.get("z") or 0), int(written.get("n") or 0))
        tuplet = element.findtext("Tuplet") if self.division else None
        if tuplet is not None:
            duration *= self.tuplets[tuplet]
        elif self.factors:
            duration *= self.factors[-1]
        duration /= self.stretch
        if duration <= 0:
            raise ValueError("a note or rest without length")
        return duration

    def _tuplet(self, element: Element) -> None:
        """Open a tuplet: format 2 numbers it and may nest it, format 3 brackets it."""
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
            self.stretch = stretch_of(element)

    def _key(self, element: Element) -> None:
        concert = element.findtext("concertKey")  # format 4; before it the written key stands alone
        self.key_is_written = concert is None
        fifths = int((element.findtext("accidental") if concert is None else concert) or 0)
        if -7 <= fifths <= 7:
            mode = mode_named(element.findtext("mode") or "") or "major"
            sounding = fifths - (self.fifths_written_above if concert is None else 0)
            self.keys.append((self.now, (sounding if abs(sounding) <= 7 else (sounding + 5) % 12 - 5, mode)))

    def _change_instrument(self, element: Element) -> None:
        """Take over another instrument; the key that stands at the same place is written for it."""
        before, instrument = self.fifths_written_above, element.find("Instrument")
        if instrument is None:
            return
        self.fifths_written_above = self._fifths_above(instrument)
        if self.key_is_written and self.keys and self.keys[-1][0] == self.now:
            _, (fifths, mode) = self.keys.pop()
            fifths += before - self.fifths_written_above
            self.keys.append((self.now, (fifths if abs(fifths) <= 7 else (fifths + 5) % 12 - 5, mode)))

    def _fifths_above(self, instrument: Element | None) -> int:
        """Count the fifths from the sounding to the written key of an instrument: 2 in B flat."""
        if instrument is None or self.at_pitch:
            return 0
        chromatic = int(instrument.findtext("transposeChromatic") or 0)
        fifths = 12 * int(instrument.findtext("transposeDiatonic") or 0) - 7 * chromatic
        return fifths if abs(fifths) <= 7 else (-7 * chromatic + 5) % 12 - 5

    def _tempo(self, element: Element) -> None:
        quarters_per_second = float(element.findtext("tempo") or 0)
        if quarters_per_second > 0 and _is_played(element):
            self.tempos.append((self.now, round(quarters_per_second * 60, 3)))

    def _harmony(self, element: Element) -> None:
        """Read a chord symbol, which a fret diagram may hold.

        Roots are places on the line of fifths, C being 14. The text is the whole symbol where it has no root. Roman
        numerals and numbers of Nashville are passed over.
        """
        for harmony in [element] if element.tag == "Harmony" else element.findall("Harmony"):
            info = harmony.find("harmonyInfo")  # later versions of format 4
            info = harmony if info is None else info
            if (harmony.findtext("harmonyType") or "0").strip() != "0":
                continue
            name = (info.findtext("name") or "").strip()
            root, bass = (_place(info.findtext(tag)) for tag in ("root", "base"))
            bass = _place(info.findtext("bass")) if bass is None else bass
            (symbol,), unread = symbols_of([name if root is None else f"C{name}"])
            if symbol is None:
                self.unread += unread
                continue
            if root is not None and symbol.degrees:
                symbol = Symbol(root, root if bass is None else bass, symbol.degrees)
            self.chords.append((self.now, symbol.moved(-self.fifths_written_above)))

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
        if not _is_played(element):
            return
        if element.tag == "Ottava":
            subtype = (element.findtext("subtype") or "8va").strip()
            self.octaves.append((start, end, OTTAVAS[subtype]))
            return
        passes = tuple(map(int, re.findall(r"\d{1,3}", element.findtext("endings") or ""))) or (0,)
        end = max(end, start + Fraction(1, 128))  # a line without length stands over its bar
        covered = [i for i, bar in enumerate(self.bars) if start <= bar.start < end]
        for index in covered:
            self.bars[index].passes = passes
            self.bars[index].opens_ending |= index == covered[0]
        hook = element.findtext("endHookType") or element.findtext("endHook") or "0"
        if covered and hook.strip() == "0":
            self.open_endings.append(covered[-1])

    def _repeat_sign(self, element: Element) -> None:
        """Step over a bar-repeat sign, a whole bar, and note the bars that it stands for.

        A sign for several bars stands in the first half of its group; each bar of the group counts its place in it.
        """
        self.spans.setdefault(self.voice, []).append((self.offset, self.bars[self.bar].length))
        self.offset = self.bars[self.bar].length
        size = int(element.findtext("subtype") or 1) if element.tag == "MeasureRepeat" else 1
        self.repeated[self.bar - self.place_in_group] = size  # once, though several voices may show it

    def _play_again(self) -> None:
        """Copy the bars that bar-repeat signs ask for; what they repeat may itself be a copy."""
        for first, size in self.repeated.items():
            for bar in range(max(0, first), min(first + size, len(self.bars))):
                again = [sound for sound in self.sounds if sound.bar == bar - size]
                self.sounds += [sound._replace(bar=bar, tied_from=None, tied_to=None) for sound in again]

    def _shift_octaves(self) -> None:
        """Move the notes under octave lines; pitches are stored as read from the page."""
        for start, end, semitones in self.octaves:
            for i, sound in enumerate(self.sounds):
                if start <= self.bars[sound.bar].start + sound.offset < end:
                    self.sounds[i] = sound._replace(pitch=max(0, min(127, sound.pitch + semitones)))


def _place(text: str | None) -> int | None:
    """Read a pitch of a chord symbol as a place on the line of fifths, C being 0; None for none."""
    number = int(text) - 14 if text and re.fullmatch(r"\s*-?\d{1,2}\s*", text) else None
    return number if number is not None and -15 <= number <= 19 else None


def _is_played(element: Element | None) -> bool:
    return element is None or (element.findtext("play") or "1").strip() != "0"


def _fill_problem(spans: list[tuple[Fraction, Fraction]], length: Fraction, must_be_full: bool) -> str:
    """Find what keeps `spans` from filling a bar, "" if nothing; not all voices must be full."""
    reached = Fraction(0)
    for start, end in sorted(spans):
        if start < reached:
            return f"overlaps itself at quarter {start}"
        if start > reached and must_be_full:
            return f"is empty from quarter {reached} to {start}"
        reached = end
    if reached > length or (reached < length and must_be_full):
        return f"holds {reached} quarters, the bar {length}"
    return ""


def _location(element: Element) -> tuple[int, Fraction, int, int]:
    """Read a distance in bars, quarters, staves and voices."""
    return (
        int(element.findtext("measures") or 0),
        4 * to_fraction(element.findtext("fractions") or "0/1"),
        int(element.findtext("staves") or 0),
        int(element.findtext("voices") or 0),
    )


_HANDLERS = {
    "Chord": Staff._chord,
    "Rest": Staff._advance,
    "Tuplet": Staff._tuplet,
    "endTuplet": Staff._end_tuplet,
    "tick": Staff._tick,
    "location": Staff._skip,
    "TimeSig": Staff._time_signature,
    "KeySig": Staff._key,
    "InstrumentChange": Staff._change_instrument,
    "Tempo": Staff._tempo,
    "Harmony": Staff._harmony,
    "FretDiagram": Staff._harmony,
    "Spanner": Staff._spanner,
    "Volta": Staff._open,
    "Ottava": Staff._open,
    "endSpanner": Staff._end_spanner,
    "RepeatMeasure": Staff._repeat_sign,
    "MeasureRepeat": Staff._repeat_sign,
}

"""Read MusicXML by itself: notes, bars, metres, keys, tempos and playing order are all stated in the file.

Lengths of tuplets are exact, not rounded to divisions. Source: MusicXML 4.0 (W3C, 2021).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree

from ritornello.music.beats import TYPES, joined_metre
from ritornello.music.chords import Symbol
from ritornello.music.errors import Remark, unplayed_bars, unread_chords
from ritornello.music.keys import mode_named
from ritornello.music.quarters import KeyName, PartName
from ritornello.music.scores.bars import Measure, Placed, carry_chords, join_measures
from ritornello.music.scores.harmony import read_harmony
from ritornello.music.scores.repeats import played_order
from ritornello.music.scores.signs import read_marks
from ritornello.music.scores.xml import parse_xml
from ritornello.music.values import MetreName, Piece

Element = ElementTree.Element

VALUES = {name: length for length, name in TYPES.items() if length >= Fraction(1, 32)}  # shorter: as they state
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
MAX_STAVES = 1000  # of one part
MAX_COPIED = Fraction(64)  # quarters of a bar in which beats are repeated


def read_musicxml(content: bytes, source: str, repeats: str, voices: bool = False) -> tuple[Piece, list[Remark]]:
    """Read an uncompressed MusicXML file, with a remark on bars that are never played.

    voices: a Part for each voice of a staff instead of one for the staff.
    Raises ValueError where the XML is broken, declares entities, is not a score or has no notes.
    """
    root = parse_xml(content)
    _drop_namespaces(root)
    if root.tag == "score-timewise":
        _turn_partwise(root)
    parts = root.findall("part")
    if root.tag != "score-partwise" or not parts:
        raise ValueError(f"no score with parts in this MusicXML file (its root is <{root.tag[:40]}>)")
    bars = [Measure(None, None) for _ in range(max(len(part.findall("measure")) for part in parts))]
    if not bars:
        raise ValueError("no bars of music found in this score: export it again")
    definitions = {e.get("id"): e for e in root.findall("part-list/score-part")}
    readers = []
    for number, part in enumerate(parts):
        readers.append(PartReader(bars, MAX_STAVES * number, definitions.get(part.get("id"))))
        readers[-1].read(part)
    _set_metres(bars, readers)
    _set_keys(bars, readers)
    unread = _set_chords(bars, readers)
    order = played_order(read_marks(root)) if repeats == "unfold" else list(range(len(bars)))
    staves = {staff: name for reader in readers for staff, name in reader.staves().items()}
    piece = join_measures([bars[i] for i in order], staves, *_title_and_composer(root), source, voices)
    unplayed = {i for i, bar in enumerate(bars) if bar.notes}.difference(order)
    return piece, unplayed_bars(unplayed) + unread_chords(unread)


def _drop_namespaces(root: Element) -> None:
    if root.tag.startswith("{"):
        for element in root.iter():
            if isinstance(element.tag, str):
                element.tag = element.tag.rpartition("}")[2]


def _turn_partwise(root: Element) -> None:
    """Turn measures of parts into parts of measures."""
    parts: dict[str, Element] = {}
    for measure in root.findall("measure"):
        root.remove(measure)
        for part in measure.findall("part"):
            name = part.get("id", "")
            parts.setdefault(name, ElementTree.Element("part", id=name))
            bar = ElementTree.SubElement(parts[name], "measure", measure.attrib)
            bar.extend(list(part))
    root.extend(parts.values())
    root.tag = "score-partwise"


def _number(text: str, name: str) -> Fraction:
    """Read a decimal number. Raises ValueError naming its element."""
    if not re.fullmatch(r"\s*[+-]?\d{1,9}(\.\d{0,9})?\s*", text):
        raise ValueError(f"<{name}> must be a number, not {text[:20]!r}")
    return Fraction(text.strip())


def _whole(element: Element | None, name: str, default: int = 0) -> int:
    """Read a whole number in a child of an element; `default` where there is none."""
    text = "" if element is None else (element.findtext(name) or "").strip()
    return int(text) if re.fullmatch(r"[+-]?\d{1,4}", text) else default


@dataclass(slots=True)
class Copies:
    """A bar or beat repeat sign: its reach begins at `start`, a place in bar `first`.

    size: of what is repeated, in bars or quarters. staff: the only one it holds for, 0 for all of the part.
    """

    first: int
    start: Fraction
    size: Fraction
    staff: int
    is_beat: bool


@dataclass(slots=True)
class PartReader:
    """Reads one part into the bars of the score.

    base: its staves are numbered from base + 1. definition: its entry in the list of parts.
    fillings: by bar, where its last note ends, and its content (0: a rest that fills any bar).
    keys: (bar, place in it, key) as sounding. metres: by bar. transposed: (chromatic, diatonic) by staff, 0 for all.
    """

    bars: list[Measure]
    base: int
    definition: Element | None
    divisions: Fraction = Fraction(1)
    transposed: dict[int, tuple[int, int]] = field(default_factory=dict)
    written_key: tuple[int, str] | None = None
    keys: list[tuple[int, Fraction, KeyName]] = field(default_factory=list)
    metres: dict[int, MetreName | None] = field(default_factory=dict)
    percussion: set[int] = field(default_factory=set)  # staves with a percussion clef
    syllables: dict[tuple[int, str], int] = field(default_factory=dict)  # by staff and number of the verse
    copies: list[Copies] = field(default_factory=list)
    fillings: dict[int, tuple[Fraction, Fraction]] = field(default_factory=dict)
    chords: list[tuple[int, Fraction, Symbol]] = field(default_factory=list)  # bar, place in it
    unread: list[str] = field(default_factory=list)  # chord symbols of other kinds

    def read(self, part: Element) -> None:
        """Read all bars of the part. Raises ValueError for a number that is none."""
        for index, measure in enumerate(part.findall("measure")):
            self._read_bar(index, measure)

    @property
    def is_drum(self) -> bool:
        """Whether its notes are percussion, by the channel of its instrument."""
        return self.definition is not None and any(
            _whole(instrument, "midi-channel") == 10 for instrument in self.definition.findall("midi-instrument")
        )

    def staves(self) -> dict[int, PartName]:
        """Name its staves: name, program, whether percussion, syllables of the first verse."""
        name, program = "", 0
        if self.definition is not None:
            places = ("part-name", "part-name-display", "score-instrument/instrument-name")
            names = (_text(self.definition.find(place)) for place in places)
            name = next((text for text in names if text not in ("", "MusicXML Part")), "")  # Finale's for no name
            program = max(0, min(127, _whole(self.definition.find("midi-instrument"), "midi-program", 1) - 1))
        found = sorted(
            {note.staff for bar in self.bars for note in bar.notes if 0 < note.staff - self.base < MAX_STAVES}
        )
        named = {}
        for staff in found:
            number = staff - self.base
            verses = {verse: count for (at, verse), count in self.syllables.items() if at == number}
            syllables = verses.get("1") or (verses[min(verses)] if verses else 0)
            named[staff] = (name, program, self.is_drum or number in self.percussion, syllables)
        return named

    def _read_bar(self, index: int, measure: Element) -> None:
        """Read one bar; `clock` adds up durations as stated, `places` leads to the exact places."""
        bar = self.bars[index]
        clock = now = latest = sounding = onset = Fraction(0)
        places = {clock: now}
        for element in measure:
            if element.tag == "attributes":
                self._read_attributes(index, element, now)
            elif element.tag in ("direction", "sound"):
                self._read_tempo(bar, element, now)
            elif element.tag == "harmony":
                self._read_chord(index, element, now)
            elif element.tag in ("backup", "forward"):
                stated = _number(element.findtext("duration") or "0", "duration") / self.divisions
                clock = max(Fraction(0), clock - stated if element.tag == "backup" else clock + stated)
                now = places.get(clock, clock)
            elif element.tag == "note" and element.find("grace") is None:
                stated, exact = self._duration(element)
                is_chord = element.find("chord") is not None
                onset = onset if is_chord else now
                self._read_note(bar, element, onset, exact)
                sounding = sounding if element.find("rest") is not None else max(sounding, onset + exact)
                if not is_chord:
                    clock, now = clock + stated, now + exact
                    places.setdefault(clock, now)
            latest = max(latest, now)
        bar.length = max(bar.length, latest)
        fills_any = measure.find("note/rest[@measure='yes']") is not None
        self.fillings[index] = sounding, Fraction(0) if fills_any else latest
        self._repeat_signs(index, latest)

    def _read_chord(self, index: int, element: Element, now: Fraction) -> None:
        """Read a chord symbol at its place, as it sounds, unless it is another choice."""
        if element.get("type") == "alternate":
            return
        symbol = read_harmony(element)
        if symbol is None:
            self.unread.append(" ".join("".join(element.itertext()).split()))
            return
        chromatic, diatonic = self.transposed.get(max(1, _whole(element, "staff", 1)), self.transposed.get(0, (0, 0)))
        late = _number(element.findtext("offset") or "0", "offset") / self.divisions
        self.chords.append((index, max(Fraction(0), now + late), symbol.moved(_fifths(chromatic, diatonic))))

    def _duration(self, note: Element) -> tuple[Fraction, Fraction]:
        """Read the quarters of a note, stated and exact in a tuplet, or by its value."""
        value, change = VALUES.get(note.findtext("type", "").strip()), note.find("time-modification")
        written = None
        if value is not None:
            written = value * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
            if change is not None:
                actual = _number(change.findtext("actual-notes") or "1", "actual-notes")
                normal = _number(change.findtext("normal-notes") or "1", "normal-notes")
                written = written * normal / actual if actual > 0 else None
        if note.find("duration") is None:
            return written or Fraction(0), written or Fraction(0)
        stated = _number(note.findtext("duration") or "0", "duration") / self.divisions
        if written is None or change is None or abs(written - stated) >= min(1 / self.divisions, Fraction(1, 24)):
            return stated, stated
        return stated, written

    def _read_note(self, bar: Measure, note: Element, onset: Fraction, duration: Fraction) -> None:
        """Put a note with a pitch into its bar, and count its syllable.

        Cue notes and slashes do not sound.
        """
        pitch, head = note.find("pitch"), (note.findtext("notehead") or "").strip()
        if pitch is None or note.find("cue") is not None or head == "slash" or duration <= 0:
            return
        staff = max(1, min(MAX_STAVES - 1, _whole(note, "staff", 1)))
        step = (pitch.findtext("step") or "").strip()
        alter = _number(pitch.findtext("alter") or "0", "alter")
        chromatic, _ = self.transposed.get(staff, self.transposed.get(0, (0, 0)))
        if step not in SEMITONES:
            raise ValueError(f"<step> must be a letter from A to G, not {step[:20]!r}")
        number = 12 * (_whole(pitch, "octave") + 1) + SEMITONES[step] + round(alter) + chromatic
        if not 0 <= number <= 127:
            return
        kinds = {t.get("type") for t in [*note.findall("tie"), *note.findall("notations/tied")]}
        tied_on = "start" in kinds or "continue" in kinds  # programs leave out the stop
        voice = note.findtext("voice", "").strip()
        bar.notes.append(Placed(onset, duration, number, self.base + staff, tied_on, True, voice))
        for lyric in note.findall("lyric"):
            if lyric.find("text") is not None:
                place = (staff, lyric.get("number") or "1")
                self.syllables[place] = self.syllables.get(place, 0) + 1

    def _read_attributes(self, index: int, attributes: Element, now: Fraction) -> None:
        text = attributes.findtext("divisions")
        if text is not None:
            self.divisions = _number(text, "divisions")
            if self.divisions <= 0:
                raise ValueError(f"divisions must be more than 0, not {text}")
        for clef in attributes.findall("clef"):
            staff = _staff(clef) or 1
            self.percussion.discard(staff)
            if (clef.findtext("sign") or "").strip() == "percussion":
                self.percussion.add(staff)
        for time in attributes.findall("time"):
            if _staff(time) <= 1:
                self.metres[index if now == 0 else index + 1] = _metre(time)
        for change in attributes.findall("transpose"):
            octaves = _whole(change, "octave-change")
            chromatic = _whole(change, "chromatic") + 12 * octaves
            diatonic = _whole(change, "diatonic") + 7 * octaves
            if not _staff(change):
                self.transposed.clear()
            self.transposed[_staff(change)] = (chromatic, diatonic)
        for key in attributes.findall("key"):
            if _staff(key) <= 1:
                self.written_key = _key(key) or self.written_key
        if self.written_key and (attributes.find("key") is not None or attributes.find("transpose") is not None):
            transposition = self.transposed.get(1, self.transposed.get(0, (0, 0)))
            self.keys.append((index, now, _sounding(self.written_key, *transposition)))
        for style in attributes.findall("measure-style"):
            self._read_style(index, style, now)

    def _read_style(self, index: int, style: Element, now: Fraction) -> None:
        """Open or close the reach of a bar or beat repeat sign."""
        for sign in style:
            is_beat = sign.tag == "beat-repeat"
            if sign.tag not in ("measure-repeat", "beat-repeat"):
                continue
            kept = []
            for open_one in self.copies:
                if open_one.is_beat != is_beat or open_one.staff != _staff(style):
                    kept.append(open_one)
                elif now > 0:
                    self._copy(open_one, index, now)
            self.copies = kept
            if sign.get("type") == "start":
                size = VALUES.get(sign.findtext("slash-type") or "", Fraction(1)) if is_beat else Fraction(0)
                if is_beat:
                    size *= 2 - Fraction(1, 2 ** len(sign.findall("slash-dot")))
                elif re.fullmatch(r"\s*\d{1,2}\s*", sign.text or ""):
                    size = Fraction(int(sign.text or "1"))
                self.copies.append(
                    Copies(index, now, max(size, Fraction(1, 8 if is_beat else 1)), _staff(style), is_beat)
                )

    def _repeat_signs(self, index: int, length: Fraction) -> None:
        """Fill what stands under open repeat signs at the end of a bar, which may hold nothing else."""
        for sign in self.copies:
            begins = sign.start if index == sign.first else Fraction(0)
            metre = next((m for i, m in sorted(self.metres.items(), reverse=True) if i <= index), None)
            full = 4 * Fraction(metre[0], metre[1]) if metre else self.bars[max(0, index - 1)].length
            self._copy(sign, index, length if length > begins else max(length, full))

    def _copy(self, sign: Copies, index: int, end: Fraction) -> None:
        """Copy what a sign repeats into a bar, or its beats up to `end`, without notes of its own."""
        bar = self.bars[index]
        start = sign.start if sign.is_beat and index == sign.first else Fraction(0)
        if any(start <= note.start < end for note in self._notes(bar, sign.staff)):
            return
        bar.length = max(bar.length, end)
        step = sign.size if sign.is_beat else end
        while start < min(end, MAX_COPIED):
            source, shift = bar, step
            if not sign.is_beat:
                source, shift = self.bars[max(0, index - int(sign.size))], Fraction(0)
            elif start == 0:
                source = self.bars[max(0, index - 1)]
                shift = step - source.length
            repeated = [n for n in self._notes(source, sign.staff) if start <= n.start + shift < start + step]
            bar.notes += [n._replace(start=n.start + shift, tied_on=False, tied_back=False) for n in repeated]
            start += step

    def _notes(self, bar: Measure, staff: int) -> list[Placed]:
        """List the notes of this part in a bar, on one staff or all (0)."""
        return [
            n for n in bar.notes if (n.staff - self.base == staff if staff else 0 < n.staff - self.base < MAX_STAVES)
        ]

    def _read_tempo(self, bar: Measure, element: Element, now: Fraction) -> None:
        """Read a tempo with numbers: of a sound, else of a metronome mark."""
        sounds = [element] if element.tag == "sound" else element.findall("sound")
        qpm = next((_tempo(sound.get("tempo")) for sound in sounds if sound.get("tempo")), None)
        for mark in element.findall("direction-type/metronome"):
            value = VALUES.get((mark.findtext("beat-unit") or "").strip())
            speed = _tempo(mark.findtext("per-minute"))
            if qpm is None and value is not None and speed is not None:
                qpm = speed * float(value) * (2 - 0.5 ** len(mark.findall("beat-unit-dot")))
        offset = next((e.findtext("offset") for e in [*sounds, element] if e.find("offset") is not None), None)
        if qpm is not None and 1 <= qpm <= 10_000:
            late = _number(offset, "offset") / self.divisions if offset else Fraction(0)
            bar.tempos.append((max(Fraction(0), now + late), qpm))


def _staff(element: Element) -> int:
    """Read the staff that an element holds for; 0 for all."""
    text = element.get("number", "0").strip()
    return int(text) if re.fullmatch(r"\d{1,3}", text) else 0


def _tempo(text: str | None) -> float | None:
    found = re.search(r"\d{1,5}(\.\d{1,9})?", text or "")
    return float(found[0]) if found else None


def _metre(time: Element) -> MetreName | None:
    """Read a time signature; counts such as "3+2" and several terms are groups. None without."""
    beats = [(e.text or "").replace(" ", "") for e in time.findall("beats")]
    units = [(e.text or "").strip() for e in time.findall("beat-type")]
    if not beats or len(beats) != len(units) or not all(re.fullmatch(r"[1-9]\d{0,2}", unit) for unit in units):
        return None
    if not all(re.fullmatch(r"[1-9]\d{0,2}(\+[1-9]\d{0,2})*", text) for text in beats):
        return None
    metre = joined_metre([([int(n) for n in b.split("+")], int(u)) for b, u in zip(beats, units, strict=True)])
    return metre if metre[0] <= 255 and metre[1] <= 128 else None


def _key(key: Element) -> tuple[int, str] | None:
    """Read a key as written: fifths and mode; a key without a mode is called major."""
    text = (key.findtext("fifths") or "").strip()
    if not re.fullmatch(r"[+-]?\d", text) or abs(int(text)) > 7:
        return None
    return int(text), mode_named((key.findtext("mode") or "").strip()) or "major"


def _sounding(key: tuple[int, str], chromatic: int, diatonic: int) -> KeyName:
    """Transpose a written key. diatonic: 0 where the file leaves it out."""
    fifths = key[0] + _fifths(chromatic, diatonic)
    return (fifths if abs(fifths) <= 7 else (fifths + 5) % 12 - 5), key[1]


def _fifths(chromatic: int, diatonic: int) -> int:
    """Count the fifths from written to sounding pitch. diatonic: 0 where the file leaves it out."""
    shift = 7 * chromatic - 12 * diatonic
    return shift if abs(shift) <= 7 else (7 * chromatic + 5) % 12 - 5


def _set_metres(bars: Sequence[Measure], readers: Sequence[PartReader]) -> None:
    """Give every bar its metre; empty ones its length, those too long only by rests as well.

    Where parts differ, the first one that states any metre counts. Programs write a rest too many, or one of a
    whole note for every empty bar: notes of some part, or a part that fills the metre, say that it holds.
    """
    changes: dict[int, MetreName | None] = {}
    for reader in readers:
        changes = reader.metres | changes
    metre: MetreName | None = None
    for index, bar in enumerate(bars):
        metre = changes.get(index, metre)
        bar.metre = metre
        full = 4 * Fraction(metre[0], metre[1]) if metre else bar.length
        fillings = [reader.fillings[index] for reader in readers if index in reader.fillings]
        fits = any(rest <= full for _, rest in fillings) and all(sounding <= full for sounding, _ in fillings)
        if not bar.length or (bar.length > full and fits):
            bar.length = full


def _set_keys(bars: Sequence[Measure], readers: Sequence[PartReader]) -> None:
    """Give every bar its keys: those of the first part at pitch, else of the first."""
    with_keys = [r for r in readers if r.keys and not r.is_drum and not r.percussion] or [
        r for r in readers if r.keys
    ]
    at_pitch = [r for r in with_keys if not any(chromatic % 12 for chromatic, _ in r.transposed.values())]
    if not with_keys:
        return
    changes: dict[int, list[tuple[Fraction, KeyName]]] = {}
    for index, place, key in (at_pitch or with_keys)[0].keys:
        index, place = (index + 1, Fraction(0)) if 0 < bars[index].length <= place else (index, place)
        changes.setdefault(index, []).append((place, key))
    in_force: KeyName | None = None
    for index, bar in enumerate(bars):
        here = changes.get(index, [])
        bar.key = next((key for place, key in reversed(here) if place == 0), in_force)
        bar.keys = [(place, key) for place, key in here if place > 0]
        in_force = bar.keys[-1][1] if bar.keys else bar.key


def _set_chords(bars: Sequence[Measure], readers: Sequence[PartReader]) -> list[str]:
    """Give every bar its chord symbols, those of the part that has most.

    Returns what could not be read there.
    """
    fullest = max(readers, key=lambda reader: len(reader.chords))
    for index, place, symbol in fullest.chords:
        late = place >= bars[index].length > 0 and index + 1 < len(bars)
        index, place = (index + 1, place - bars[index].length) if late else (index, place)
        bars[index].chords.append((place, symbol))
    carry_chords(bars)
    return fullest.unread or [text for reader in readers for text in reader.unread if not fullest.chords]


def _title_and_composer(root: Element) -> tuple[str, str]:
    """Read title and composer, from the heading or the words printed on the first page."""
    title = _text(root.find("movement-title")) or _text(root.find("work/work-title"))
    creators = root.findall("identification/creator")
    composer = next((t for e in creators if e.get("type") == "composer" and (t := _text(e))), "")
    printed: dict[str, str] = {}
    for credit in root.findall("credit"):
        words = " ".join(" ".join("".join(e.text or "" for e in credit.findall("credit-words")).split()).split())
        for kind in credit.findall("credit-type"):
            printed.setdefault((kind.text or "").strip().lower(), words)
    return title or printed.get("title", "") or _largest_words(root), composer or printed.get("composer", "")


def _largest_words(root: Element) -> str:
    """Find the words in the largest letters on the first page, larger than any others."""
    found: list[tuple[float, str]] = []
    for credit in root.findall("credit"):
        words = credit.find("credit-words")
        if words is not None and credit.get("page", "1") == "1" and credit.find("credit-type") is None:
            size = _tempo(words.get("font-size"))
            if size is not None and _text(words) and not re.search("copyright|©|http", _text(words), re.IGNORECASE):
                found.append((size, _text(words)))
    sizes = sorted((size for size, _ in found), reverse=True)
    if not found or sizes[0] in sizes[1:]:
        return ""
    return max(found)[1]


def _text(element: Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""

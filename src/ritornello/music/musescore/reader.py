"""Read MuseScore files, `.mscx` and `.mscz`, of MuseScore 2, 3 and 4, without the program.

How a score is read:

- One Part per staff with all its voices; Part.syllables counts its sung syllables (first verse).
- Pitches are sounding pitches: octave clefs and transposing instruments are already in the stored pitch, octave lines
  (8va) are applied. Tied notes are one note.
- Grace notes are left out, and notes that the file marks as not to be played (<play>0</play>: other verses,
  ossias). Cue-size and invisible notes are kept where they play. Tremolos, trills and arpeggios stay as written;
  each chord of a two-note tremolo lasts its own half.
- Repeats, endings, D.C. and D.S. are played out, or each bar is read once (repeats="written").
- A key has the mode that the file states, "major" where it states none; a score without key signatures is in C.
- Chord symbols are those of the staff that has most, as they sound; Roman numerals are left out.
- Tempo is the marked one; fermatas and pauses do not stretch time. All velocities are the default.
- A bar-repeat sign plays the bars before again, as many as it stands for; multi-measure rests count in full.
- Of an archive the score itself is read, not the parts that were extracted from it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from fractions import Fraction
from itertools import accumulate
from operator import itemgetter
from typing import TypeVar
from xml.etree import ElementTree

from ritornello.music.chords import Symbol
from ritornello.music.containers import unpacked
from ritornello.music.errors import Remark, unplayed_bars, unread_chords
from ritornello.music.musescore.repeats import WrittenBar, playing_order
from ritornello.music.musescore.score import read_score
from ritornello.music.musescore.staff import ACROSS_JUMP, Sound, Staff
from ritornello.music.quarters import chords_in_ticks, parts_in_ticks
from ritornello.music.values import MetreName, Piece

Value = TypeVar("Value")

MOST_BYTES = 64 * 2**20  # unpacked; the largest song at hand has 4 MB
FINEST_TICKS = 2**31 - 1  # a finer resolution than this is a hostile file, not music


def scan_musescore(
    content: bytes, source: str = "", repeats: str = "unfold", voices: bool = False
) -> tuple[list[Piece], list[Remark]]:
    """Read a MuseScore file, packed or plain: one Piece in a list, and remarks.

    repeats: "unfold" or "written". voices: a Part for each voice of a staff instead of one for the staff.
    Raises ValueError, with `source` in front, for a file that is not MuseScore's, of another format than 2 to 4,
    damaged, over 64 MB unpacked, or that unfolds to more than 20,000 bars; in format 4 also where a voice does not
    fill its bar.
    """
    if repeats not in ("unfold", "written"):
        raise ValueError(f'repeats must be "unfold" or "written", not {repeats!r}')
    try:
        bars, staves, tags = parse_score(content)
        order = playing_order(bars) if repeats == "unfold" else list(range(len(bars)))
        sounding = {sound.bar for staff in staves for sound in staff.sounds}
        remarks = unplayed_bars(sounding.difference(order)) + unread_chords(_chord_staff(staves).unread)
        return [_piece(bars, staves, tags, order, source, voices)], remarks
    except ValueError as error:
        raise ValueError(f"{source}: {error}" if source else str(error)) from None


def parse_score(content: bytes) -> tuple[list[WrittenBar], list[Staff], dict[str, str]]:
    """Read written bars, staves and tags. Raises ValueError as scan_musescore does."""
    style = b""
    if content[:2] == b"PK":
        style = _style(content)
        content, *others = unpacked(content, (".mscx",), ("Score",))  # a style file begins with <museScore>, too
        if others:
            raise ValueError(f"the archive holds {len(others) + 1} scores (.mscx) where one is expected")
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is over {MOST_BYTES // 2**20} MB, too large for a score")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ValueError("it has a document type declaration, which MuseScore never writes: not read, for safety")
    try:
        root = ElementTree.fromstring(content, ElementTree.XMLParser(encoding="utf-8"))
    except ElementTree.ParseError as error:
        raise ValueError(f"it is damaged XML ({error}): save it again in MuseScore") from None
    _check_format(root)
    try:
        return read_score(root, b"<concertPitch>1</concertPitch>" in style)
    except (KeyError, ArithmeticError) as error:
        raise ValueError(f"it is damaged: a value that makes no sense ({error})") from None


def _style(archive: bytes) -> bytes:
    """Unpack the style of the score, a file of its own in format 4; empty without one."""
    try:
        return unpacked(archive, (".mss",), ("Style",))[0]
    except ValueError:
        return b""


def _check_format(root: ElementTree.Element) -> None:
    if root.tag != "museScore":
        raise ValueError(f"it is not a MuseScore file: the outermost element is <{root.tag}>")
    version = root.get("version") or ""
    major = version.split(".")[0]
    if not major.isdigit() or major == "0":
        raise ValueError(f"it states no MuseScore version that is known (version={version!r}); 2 to 4 can be read")
    if major not in ("2", "3", "4"):
        remedy = f"in MuseScore {major}, use File > Export > MusicXML and read that file"
        remedy = "open and save it in MuseScore 3 or 4" if major == "1" else remedy
        raise ValueError(f"it is MuseScore format {version}; formats 2 to 4 can be read: {remedy}")


def _piece(
    bars: Sequence[WrittenBar],
    staves: Sequence[Staff],
    tags: dict[str, str],
    order: Sequence[int],
    source: str,
    voices: bool,
) -> Piece:
    """Build a Piece of the bars played in `order`, counted in the coarsest exact ticks."""
    *starts, length = accumulate((bars[index].length for index in order), initial=Fraction(0))
    lines = _joined(bars, staves, order, starts, voices)
    notes = [lines[line] for line in sorted(lines)]
    at_pitch = [staff for staff in staves if not staff.fifths_written_above and not staff.is_drum]
    key_staff = (at_pitch or staves)[0]
    keys = _played(key_staff.keys, (Fraction(0), (0, "major")), bars, order, starts)
    changes = sorted(change for staff in staves for change in staff.tempos)
    tempos = _played(changes, (Fraction(0), 120.0), bars, order, starts)
    played = [staves[staff] for staff, _ in sorted(lines)]
    names = [(staff.name, staff.program, staff.is_drum, staff.syllables) for staff in played]
    parts, timeline = parts_in_ticks(
        zip(notes, names, strict=True), length, _metres(bars, order, starts), keys, tempos, FINEST_TICKS, starts
    )
    title = tags.get("movementTitle") or tags.get("workTitle") or ""
    chords = chords_in_ticks(_played_chords(_chord_staff(staves).chords, bars, order, starts), timeline)
    return Piece(parts, timeline, title, tags.get("composer", ""), source, chords=chords)


def _chord_staff(staves: Sequence[Staff]) -> Staff:
    """Find the staff that has most chord symbols."""
    return max(staves, key=lambda staff: (len(staff.chords), len(staff.unread)))


def _played_chords(
    chords: Sequence[tuple[Fraction, Symbol]],
    bars: Sequence[WrittenBar],
    order: Sequence[int],
    starts: Sequence[Fraction],
) -> list[tuple[Fraction, Symbol]]:
    """List chords in playing order; after a jump the one that was in force where it leads."""
    chords = sorted(chords, key=itemgetter(0))
    times = [time for time, _ in chords]
    played: list[tuple[Fraction, Symbol]] = []
    for index, start in zip(order, starts, strict=False):
        first, stop = bisect_left(times, bars[index].start), bisect_left(times, bars[index].end)
        if first and (not played or played[-1][1] != chords[first - 1][1]):
            played.append((start, chords[first - 1][1]))
        played += [(start + time - bars[index].start, symbol) for time, symbol in chords[first:stop]]
    return played


def _joined(
    bars: Sequence[WrittenBar],
    staves: Sequence[Staff],
    order: Sequence[int],
    starts: Sequence[Fraction],
    voices: bool,
) -> dict[tuple[int, int], list[list]]:
    """List the notes of each staff as played, [start, duration, pitch] in quarters, ties joined.

    Returns them by staff and voice, which is 0 throughout unless the voices are asked for.
    A tie holds where the note that it comes from has just sounded; otherwise (a tie from a first ending, reached
    from another bar) a new note starts. A tie across a jump comes from any tied note of the staff and pitch.
    """
    by_bar: list[list[tuple[Fraction, int, Sound]]] = [[] for _ in bars]
    for index, staff in enumerate(staves):
        for sound in staff.sounds:
            by_bar[sound.bar].append((sound.offset, index, sound))
    for entries in by_bar:
        entries.sort(key=lambda entry: entry[0])
    notes: dict[tuple[int, int], list[list]] = {} if voices else {(index, 0): [] for index in range(len(staves))}
    waiting: dict[Hashable, list] = {}
    for bar, bar_start in zip(order, starts, strict=True):
        for offset, staff_index, sound in by_bar[bar]:
            start = bar_start + offset
            tie = (staff_index, sound.pitch) if sound.tied_from == ACROSS_JUMP else sound.tied_from
            note = waiting.pop(tie, None) if tie is not None else None
            if note is not None and note[0] + note[1] == start:
                note[1] += sound.duration
            else:
                note = [start, sound.duration, sound.pitch]
                notes.setdefault((staff_index, sound.voice if voices else 0), []).append(note)
            if sound.tied_to is not None:
                waiting[sound.tied_to] = waiting[staff_index, sound.pitch] = note
    return notes


def _played(
    changes: Sequence[tuple[Fraction, Value]],
    default: tuple[Fraction, Value],
    bars: Sequence[WrittenBar],
    order: Sequence[int],
    starts: Sequence[Fraction],
) -> list[tuple[Fraction, Value]]:
    """List keys or tempos in playing order; a value already in force is not repeated."""
    changes = sorted([default, *changes], key=itemgetter(0))  # stable: the default stands first
    times = [time for time, _ in changes]
    played: list[tuple[Fraction, Value]] = []
    for index, start in zip(order, starts, strict=True):
        bar = bars[index]
        first = max(0, bisect_right(times, bar.start) - 1)
        for time, value in changes[first : bisect_left(times, bar.end)]:
            at = start + max(Fraction(0), time - bar.start)
            if played and played[-1][0] == at:
                played.pop()
            if not played or played[-1][1] != value:
                played.append((at, value))
    return played or [default]


def _metres(
    bars: Sequence[WrittenBar], order: Sequence[int], starts: Sequence[Fraction]
) -> list[tuple[Fraction, MetreName]]:
    """List the metres: where they change, and where a short or long bar shifts the barlines.

    Two short bars that make a full one together (a repeat sign inside a bar) count as that one bar.
    """
    found: list[tuple[Fraction, MetreName]] = []
    full = Fraction(1)
    for place, (index, start) in enumerate(zip(order, starts, strict=True)):
        bar = bars[index]
        changed = not found or found[-1][1] != bar.metre
        off = bool(found) and (start - found[-1][0]) % full != 0
        if off and not changed:
            before = bars[order[place - 1]]
            off = before.length >= full or before.length + bar.length != full or found[-1][0] == start
            off = off or (starts[place - 1] - found[-1][0]) % full != 0
        if changed or off:
            found.append((start, bar.metre))
            full = 4 * Fraction(bar.metre[0], bar.metre[1])
    return found or [(Fraction(0), (4, 4))]

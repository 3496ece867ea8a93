"""Join the bars of a score, with notes in exact quarters, into a Piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from ritornello.music.chords import Symbol
from ritornello.music.quarters import KeyName, PartName, chords_in_ticks, parts_in_ticks
from ritornello.music.values import MetreName, Piece

MAX_RESOLUTION = 10_000_000  # ticks per quarter


class Placed(NamedTuple):
    """A note in its bar: start from the barline and duration in quarters, ties to the next and the one before.

    voice: its name among those of its staff.
    """

    start: Fraction
    duration: Fraction
    pitch: int
    staff: int
    tied_on: bool = False
    tied_back: bool = False
    voice: str = ""


@dataclass(slots=True)
class Measure:
    """A bar as written: length in quarters; metre and key in force at its start.

    tempos: (quarters, qpm). keys: (quarters, key) of those that change behind its start.
    chords: (quarters, symbol); chord_before: the one in force at its start, as written.
    """

    metre: MetreName | None
    key: KeyName | None
    length: Fraction = Fraction(0)
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    keys: list[tuple[Fraction, KeyName]] = field(default_factory=list)
    notes: list[Placed] = field(default_factory=list)
    chords: list[tuple[Fraction, Symbol]] = field(default_factory=list)
    chord_before: Symbol | None = None


def join_measures(
    bars: Sequence[Measure],
    staves: Mapping[int, PartName],
    title: str,
    composer: str,
    source: str,
    voices: bool = False,
) -> Piece:
    """Join bars into a Piece with one Part for each staff that has notes.

    voices: one for each voice of a staff instead.
    Raises ValueError where there are no notes, or the times have no common resolution.
    """
    *starts, length = accumulate((bar.length for bar in bars), initial=Fraction(0))
    notes = [n._replace(start=n.start + at) for bar, at in zip(bars, starts, strict=True) for n in bar.notes]
    if not notes:
        raise ValueError("no notes with a pitch in this score")
    sounding = _tied_together(notes)
    lines: dict[tuple[int, str], list[Placed]] = {}
    for note in sounding:
        lines.setdefault((note.staff, note.voice if voices else ""), []).append(note)
    named = [(lines[line], staves[line[0]]) for staff in staves for line in sorted(lines) if line[0] == staff]
    parts, timeline = parts_in_ticks(
        named,
        length,
        _metres(bars, starts),
        _keys(bars, starts),
        _tempos(bars, starts),
        MAX_RESOLUTION,
        starts,
    )
    chords = chords_in_ticks(_chords(bars, starts), timeline)
    return Piece(parts, timeline, title, composer, source, chords=chords)


def carry_chords(bars: Sequence[Measure]) -> None:
    """Set for each bar, in written order, the chord in force at its start."""
    before = None
    for bar in bars:
        bar.chord_before = before
        if bar.chords:
            before = max(bar.chords, key=lambda change: change[0])[1]


def _chords(bars: Sequence[Measure], starts: Sequence[Fraction]) -> list[tuple[Fraction, Symbol]]:
    """List chords as played; after a jump the one that was in force where it leads."""
    found: list[tuple[Fraction, Symbol]] = []
    for bar, start in zip(bars, starts, strict=False):
        before = bar.chord_before
        if before is not None and (not found or found[-1][1] != before) and bar.length:
            found.append((start, before))
        found += [(start + place, symbol) for place, symbol in sorted(bar.chords, key=lambda change: change[0])]
    return found


def _tied_together(notes: Sequence[Placed]) -> list[Placed]:
    """Join each chain of ties in one note; a tie that leads to no note is dropped."""
    waiting: dict[tuple[int, int, Fraction], int] = {}  # (staff, pitch, end) -> place in `whole`
    whole: list[Placed] = []
    for note in sorted(notes, key=lambda n: n.start):
        before = waiting.pop((note.staff, note.pitch, note.start), None) if note.tied_back else None
        if before is None:
            before = len(whole)
            whole.append(note)
        else:
            whole[before] = whole[before]._replace(duration=note.start + note.duration - whole[before].start)
        if note.tied_on:
            waiting[note.staff, note.pitch, note.start + note.duration] = before
    return whole


def _metres(bars: Sequence[Measure], starts: Sequence[Fraction]) -> list[tuple[Fraction, MetreName]]:
    """List the metres of a Timeline: a new one wherever counting bars from the last goes wrong.

    Two short bars that fill one between them (a repeat in mid-bar) are one bar; a bar that is longer than its
    metre, and every bar of a tune without one, is named by its own length.
    """
    entries: list[tuple[Fraction, MetreName]] = []
    joined = False  # whether this bar completes the one before
    for i, (bar, start) in enumerate(zip(bars, starts, strict=True)):
        if not bar.length:
            continue
        metre = _named(bar)
        if not joined and (not entries or entries[-1][1] != metre or (start - entries[-1][0]) % _full(metre)):
            entries.append((start, metre))
        joined = not joined and 0 < i < len(bars) - 1 and _completes(bar, bars[i + 1])
    return entries or [(Fraction(0), (4, 4))]


def _completes(bar: Measure, following: Measure) -> bool:
    full = _full(bar.metre) if bar.metre else None
    short = full is not None and bar.length < full
    return short and following.metre == bar.metre and bar.length + following.length == full


def _named(bar: Measure) -> MetreName:
    """Find the bar's metre, or one for its length where it has none or is too long for it."""
    if bar.metre and (bar.length <= _full(bar.metre) or bar.length % _full(bar.metre) == 0):
        return bar.metre
    share = bar.length / 4
    denominator = max(share.denominator, bar.metre[1] if bar.metre else 4)
    numerator = share * denominator
    if numerator.denominator == 1 and numerator <= 255 and denominator in (1, 2, 4, 8, 16, 32, 64):
        return int(numerator), denominator
    return bar.metre or (4, 4)


def _full(metre: MetreName) -> Fraction:
    return Fraction(4 * metre[0], metre[1])


def _keys(bars: Sequence[Measure], starts: Sequence[Fraction]) -> list[tuple[Fraction, KeyName]]:
    entries: list[tuple[Fraction, KeyName]] = []
    for bar, start in zip(bars, starts, strict=True):
        changes = [(Fraction(0), bar.key), *bar.keys] if bar.key else bar.keys
        for place, key in changes if bar.length else ():
            if entries and entries[-1][0] == start + place:
                entries.pop()
            if not entries or entries[-1][1] != key:
                entries.append((start + place if entries else Fraction(0), key))
    return entries


def _tempos(bars: Sequence[Measure], starts: Sequence[Fraction]) -> list[tuple[Fraction, float]]:
    marked = {start + q: qpm for bar, start in zip(bars, starts, strict=True) for q, qpm in bar.tempos}
    entries: list[tuple[Fraction, float]] = [(Fraction(0), marked.pop(Fraction(0), 120.0))]
    for q, qpm in sorted(marked.items()):
        if qpm != entries[-1][1]:
            entries.append((q, qpm))
    return entries

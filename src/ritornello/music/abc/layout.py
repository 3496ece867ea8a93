"""Turn the written voices of an ABC tune into parts on one timeline: playing order, ties, bars, ticks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeVar

from ritornello.music.abc.fields import Signature
from ritornello.music.abc.repeats import Stretch, play_parts
from ritornello.music.abc.voices import Voice, WrittenNote
from ritornello.music.values import Key, Metre, Note, Part, Tempo, Timeline, exact_resolution

MAX_TICKS_PER_QUARTER = 1_000_000  # a tune whose lengths need more is taken for damage
MAX_NOTES = 1_000_000  # so is a voice that repeats unfold beyond this

T = TypeVar("T")


class _Bar(NamedTuple):
    start: Fraction
    length: Fraction
    metre: tuple[int, int] | None


def parts_and_timeline(voices: Sequence[Voice], qpm: float, order: str | None) -> tuple[tuple[Part, ...], Timeline]:
    """Turn written voices into parts and the timeline they share.

    voices: at least one of them with notes. qpm: the tempo until a voice changes it.
    order: labels of the parts in the order of play ("AAB", empty where none is given); None plays all
        once, as written.
    Raises ValueError where repeats unfold beyond reason or no resolution is exact.
    """
    length = max(v.length for v in voices)
    marks = max((v.marks for v in voices), key=len)  # one voice's repeats hold for all: some files mark only one
    labels = sorted({p for v in voices for p in v.parts})
    stretches = [(Fraction(0), length)] if order is None else play_parts(labels, order, marks, length)
    sounding = [v for v in voices if v.notes]
    played = [_played_notes(v, stretches) for v in sounding]
    lead = sounding[0]
    metres = _metres(_bars(lead, stretches))
    keys = _played_changes(lead.keys, stretches)
    tempos = _played_changes(
        sorted([(Fraction(0), qpm), *(t for v in voices for t in v.tempos)], key=itemgetter(0)), stretches
    )
    total = sum((end - start for start, end in stretches), Fraction(0))

    times = [
        total,
        *(t for t, _ in [*metres, *keys, *tempos]),
        *(t for notes in played for n in notes for t in n[:2]),
    ]
    ticks = exact_resolution(times)
    if ticks > MAX_TICKS_PER_QUARTER:
        ticks = exact_resolution(times, at_least=1)
    if ticks > MAX_TICKS_PER_QUARTER:
        raise ValueError(f"its note lengths fit no grid of up to {MAX_TICKS_PER_QUARTER} ticks per quarter")
    timeline = Timeline(
        ticks,
        int(total * ticks),
        tuple(Metre(int(t * ticks), *metre) for t, metre in metres),
        _keys(keys, ticks),
        tuple(Tempo(int(t * ticks), value) for t, value in tempos),
    )
    parts = tuple(
        Part(
            tuple(Note(int(n.start * ticks), int(n.duration * ticks), n.pitch) for n in notes),
            v.name,
            v.program,
            v.is_drum,
        )
        for v, notes in zip(sounding, played, strict=True)
    )
    return parts, timeline


def _played_notes(voice: Voice, stretches: Sequence[Stretch]) -> list[WrittenNote]:
    """List the notes of a voice in playing order, tied notes joined."""
    played: list[WrittenNote] = []
    waiting: dict[tuple[int, Fraction], int] = {}  # a tied note's pitch and end -> its place in `played`
    written = sorted(voice.notes, key=lambda n: n.start)
    offset = Fraction(0)
    for start, end in stretches:
        for note in written:
            if not start <= note.start < end:
                continue
            at = note.start - start + offset
            place = waiting.pop((note.pitch, at), None)
            if place is None:
                place = len(played)
                played.append(note._replace(start=at))
            else:
                played[place] = played[place]._replace(duration=at + note.duration - played[place].start)
            if len(played) > MAX_NOTES:
                raise ValueError(f"repeats unfold a voice into more than {MAX_NOTES} notes")
            if note.tied:
                waiting[note.pitch, at + note.duration] = place
        offset += end - start
    return played


def _played_changes(changes: Sequence[tuple[Fraction, T]], stretches: Sequence[Stretch]) -> list[tuple[Fraction, T]]:
    """List changes in playing order, each only where the value changes; the first is at 0."""
    played: list[tuple[Fraction, T]] = []
    offset = Fraction(0)
    for start, end in stretches:
        in_force = [value for time, value in changes if time <= start][-1:]
        for time, value in [(start, v) for v in in_force] + [c for c in changes if start < c[0] < end]:
            at = time - start + offset
            if played and played[-1][0] == at:
                played.pop()
            if not played or played[-1][1] != value:
                played.append((at, value))
        offset += end - start
    return played


def _bars(lead: Voice, stretches: Sequence[Stretch]) -> list[_Bar]:
    """List the bars in playing order; two short bars that make up a full one are joined."""
    bars: list[_Bar] = []
    offset = Fraction(0)
    for start, end in stretches:
        cuts = {start, *lead.barlines, *(time for time, _ in lead.metres)}
        inside = [*sorted(c for c in cuts if start <= c < end), end]
        for bar_start, bar_end in pairwise(inside):
            metre = [value for time, value in lead.metres if time <= bar_start][-1]
            bar = _Bar(bar_start - start + offset, bar_end - bar_start, metre)
            if len(bars) > 1 and _completes(bars[-1], bar):
                bar = _Bar(bars[-1].start, bars.pop().length + bar.length, metre)
            bars.append(bar)
        offset += end - start
    return bars


def _completes(before: _Bar, bar: _Bar) -> bool:
    if bar.metre is None or before.metre != bar.metre:
        return False
    return before.length + bar.length == 4 * Fraction(*bar.metre)


def _metres(bars: Sequence[_Bar]) -> list[tuple[Fraction, tuple[int, int]]]:
    """List the metres: where they change, and after each bar that breaks the count of bars.

    In music without metre each bar's own length is its metre: six quarters are 6/4; a first bar of at most half
    the second's length is that one's pick-up.
    """
    metres = [bar.metre or _free_metre(bar.length) for bar in bars]
    if len(bars) > 1 and bars[0].metre is None and 2 * bars[0].length <= bars[1].length:
        metres[0] = metres[1]
    entries: list[tuple[Fraction, tuple[int, int]]] = []
    for bar, metre in zip(bars, metres, strict=True):
        since = bar.start - entries[-1][0] if entries else Fraction(0)
        if not entries or entries[-1][1] != metre or since % (4 * Fraction(*metre)):
            entries.append((bar.start, metre))
    return entries or [(Fraction(0), (4, 4))]


def _free_metre(length: Fraction) -> tuple[int, int]:
    whole = length / 4
    denominator = max(4, whole.denominator)
    return int(whole * denominator), denominator


def _keys(keys: Sequence[tuple[Fraction, Signature]], ticks: int) -> tuple[Key, ...]:
    """Convert keys to ticks; none where no key is named, C for an unnamed stretch."""
    if not any(signature.known for _, signature in keys):
        return ()
    named: list[Key] = []
    for time, signature in keys:
        key = Key(int(time * ticks), signature.fifths, signature.mode)
        if not named or named[-1][1:] != key[1:]:
            named.append(key)
    return tuple(named)

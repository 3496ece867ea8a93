"""Turn the written voices of an ABC tune into parts on one timeline: playing order, ties, bars, ticks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple, TypeVar

from ritornello.music.abc.repeats import Stretch, play_parts, with_closed_endings
from ritornello.music.abc.voices import Voice, WrittenNote
from ritornello.music.chords import Symbol, symbols_of
from ritornello.music.quarters import KeyName, chords_in_ticks, parts_in_ticks
from ritornello.music.values import ChordChanges, MetreName, Part, Timeline

MAX_TICKS_PER_QUARTER = 1_000_000  # a tune whose lengths need more is taken for damage
MAX_NOTES = 1_000_000  # so is a voice that repeats unfold beyond this

T = TypeVar("T")


class PlayedTune(NamedTuple):
    """A tune as played: its parts, timeline and chords, and what was left out of it.

    unplayed: bars with notes, counted from 0, that are never played. unread: texts that seem to be chord symbols.
    """

    parts: tuple[Part, ...]
    timeline: Timeline
    chords: ChordChanges
    unplayed: set[int]
    unread: list[str]


def parts_and_timeline(voices: Sequence[Voice], qpm: float, order: str | None) -> PlayedTune:
    """Turn written voices into parts, their timeline and chords.

    voices: at least one of them with notes. qpm: the tempo until a voice changes it.
    order: labels of the parts in the order of play ("AAB", empty where none is given); None plays all
        once, as written.
    Raises ValueError where repeats unfold beyond reason or no resolution is exact.
    """
    length = max(v.length for v in voices)
    marking = max(voices, key=lambda v: len(v.marks))  # one voice's repeats hold for all: some files mark only one
    marks = with_closed_endings(marking.marks, marking.barlines)
    labels = sorted({p for v in voices for p in v.parts})
    stretches = [(Fraction(0), length)] if order is None else play_parts(labels, order, marks, length)
    sounding = [v for v in voices if v.notes]
    lead = sounding[0]
    tempos = sorted([(Fraction(0), qpm), *(t for v in voices for t in v.tempos)], key=itemgetter(0))
    parts, timeline = parts_in_ticks(
        [
            (_played_notes(v, stretches), (v.settings.name, v.settings.program, v.settings.is_drum, 0))
            for v in sounding
        ],
        sum((end - start for start, end in stretches), Fraction(0)),
        _metres(lead, stretches),
        _keys(lead, stretches),
        _played_changes(tempos, stretches),
        MAX_TICKS_PER_QUARTER,
        may_be_coarse=True,
    )
    changes, unread = _written_chords(max(voices, key=lambda voice: len(voice.chords)))
    chords = chords_in_ticks(_played_chords(changes, stretches), timeline)
    return PlayedTune(parts, timeline, chords, _unplayed(sounding, stretches), unread)


def _written_chords(voice: Voice) -> tuple[list[tuple[Fraction, Symbol]], list[str]]:
    """List the chord symbols of a voice as they sound, and those that cannot be read."""
    symbols, unread = symbols_of([text for _, text, _ in voice.chords])
    places = zip(symbols, voice.chords, strict=True)
    return [(time, s.moved((7 * up + 5) % 12 - 5)) for s, (time, _, up) in places if s is not None], unread


def _played_chords(
    changes: Sequence[tuple[Fraction, Symbol]], stretches: Sequence[Stretch]
) -> list[tuple[Fraction, Symbol]]:
    """List chords in playing order; after a jump the one that was in force where it leads."""
    played: list[tuple[Fraction, Symbol]] = []
    offset = Fraction(0)
    for start, end in stretches:
        before = [symbol for time, symbol in changes if time < start][-1:]
        if before and (not played or played[-1][1] != before[0]):
            played.append((offset, before[0]))
        played += [(time - start + offset, symbol) for time, symbol in changes if start <= time < end]
        offset += end - start
    return played


def _unplayed(voices: Sequence[Voice], stretches: Sequence[Stretch]) -> set[int]:
    """Find the bars with notes, counted from 0, of which no stretch plays any."""
    barlines = sorted({time for time in voices[0].barlines if time > 0})
    onsets = sorted({note.start for voice in voices for note in voice.notes})
    played = {
        onset
        for start, end in set(stretches)
        for onset in onsets[bisect_left(onsets, start) : bisect_left(onsets, end)]
    }
    bars = {onset: bisect_right(barlines, onset) for onset in onsets}
    return set(bars.values()) - {bars[onset] for onset in played}


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


def _metres(lead: Voice, stretches: Sequence[Stretch]) -> list[tuple[Fraction, MetreName]]:
    """List the metres: where they change, and after each bar that breaks the count of bars.

    In music without metre each bar's own length is its metre: six quarters are 6/4; a first bar of at most half
    the second's length is that one's pick-up.
    """
    bars = _bars(lead, stretches)
    metres = [metre or _free_metre(length) for _, length, metre in bars]
    if len(bars) > 1 and bars[0][2] is None and 2 * bars[0][1] <= bars[1][1]:
        metres[0] = metres[1]
    entries: list[tuple[Fraction, MetreName]] = []
    for (start, _, _), metre in zip(bars, metres, strict=True):
        since = start - entries[-1][0] if entries else Fraction(0)
        if not entries or entries[-1][1] != metre or since % (4 * Fraction(metre[0], metre[1])):
            entries.append((start, metre))
    return entries or [(Fraction(0), (4, 4))]


def _bars(lead: Voice, stretches: Sequence[Stretch]) -> list[tuple[Fraction, Fraction, MetreName | None]]:
    """List start, length and metre of the bars as played; short ones are joined to full bars."""
    bars: list[tuple[Fraction, Fraction, MetreName | None]] = []
    offset = Fraction(0)
    for start, end in stretches:
        cuts = {start, *lead.barlines, *(time for time, _ in lead.metres)}
        inside = [*sorted(c for c in cuts if start <= c < end), end]
        for bar_start, bar_end in pairwise(inside):
            metre = [value for time, value in lead.metres if time <= bar_start][-1]
            at, length = bar_start - start + offset, bar_end - bar_start
            if (
                metre
                and len(bars) > 1
                and metre == bars[-1][2]
                and bars[-1][1] + length == 4 * Fraction(metre[0], metre[1])
            ):
                at, length = bars[-1][0], bars.pop()[1] + length
            bars.append((at, length, metre))
        offset += end - start
    return bars


def _free_metre(length: Fraction) -> MetreName:
    whole = length / 4
    denominator = max(4, whole.denominator)
    return int(whole * denominator), denominator


def _keys(lead: Voice, stretches: Sequence[Stretch]) -> list[tuple[Fraction, KeyName]]:
    """List the keys as played; none where no key is named, C for an unnamed stretch."""
    if not any(signature.known for _, signature in _played_changes(lead.keys, stretches)):
        return []
    return _played_changes([(time, (key.fifths, key.mode)) for time, key in lead.keys], stretches)

"""Count music whose times are exact quarters in ticks, at the first resolution that keeps every time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any

from ritornello.music.chords import Chord, Symbol, chord_of
from ritornello.music.values import ChordChanges, Key, Metre, MetreName, Note, Part, Tempo, Timeline, exact_resolution

PLAIN = Key(0, 0)  # spells chords where no key is known
KeyName = tuple[int, str]
PartName = tuple[str, int, bool, int]  # name, program, is_drum, syllables


def chords_in_ticks(changes: Iterable[tuple[Fraction, Symbol]], timeline: Timeline) -> ChordChanges:
    """Count chord symbols in ticks; of several at one time the last counts.

    Each is rounded to a tick: they do not ask for a finer resolution. Those beyond the end are left out.
    """
    found: dict[int, Chord] = {}
    for time, symbol in sorted(changes, key=lambda change: change[0]):
        tick = max(0, round(time * timeline.ticks_per_quarter))
        if tick < timeline.length:
            found[tick] = chord_of(symbol, timeline.key_at(tick) or PLAIN)
    return tuple(found.items())


def parts_in_ticks(
    voices: Iterable[tuple[Sequence[Any], PartName]],
    length: Fraction,
    metres: Sequence[tuple[Fraction, MetreName]],
    keys: Sequence[tuple[Fraction, KeyName]],
    tempos: Sequence[tuple[Fraction, float]],
    finest: int,
    further: Iterable[Fraction] = (),
    may_be_coarse: bool = False,
) -> tuple[tuple[Part, ...], Timeline]:
    """Count voices and the changes of metre, key and tempo in ticks.

    voices: the notes of each, beginning with (start, duration, pitch), and what else its Part holds.
    All times are quarters. further: times that have to be exact as well.
    may_be_coarse: look below 480 ticks per quarter as well where a multiple of it is too fine.
    Raises ValueError where that needs more than `finest` ticks per quarter.
    """
    voices = list(voices)
    times = {length, *further, *(time for time, _ in chain[Any](metres, keys, tempos))}
    times.update(time for notes, _ in voices for note in notes for time in note[:2])
    ticks = exact_resolution(times)
    if ticks > finest and may_be_coarse:
        ticks = exact_resolution(times, at_least=1)
    if ticks > finest:
        raise ValueError(f"its times need {ticks} ticks per quarter to be exact, more than {finest}")
    timeline = Timeline(
        ticks,
        int(length * ticks),
        tuple(Metre(int(time * ticks), *metre) for time, metre in metres),
        tuple(Key(int(time * ticks), *key) for time, key in keys),
        tuple(Tempo(int(time * ticks), qpm) for time, qpm in tempos),
    )
    parts = (
        Part(tuple(Note(int(n[0] * ticks), int(n[1] * ticks), n[2]) for n in notes), *name) for notes, name in voices
    )
    return tuple(parts), timeline

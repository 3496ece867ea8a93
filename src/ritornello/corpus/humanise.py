"""Scores made to sound played: loudness by metre and melody, and small shifts in time, by a fixed rule.

Loudness: 54, and 10 more on a barline, 6 in the middle of a bar of four or more beats, 4 on another beat; 14 more
for the highest note of a chord, 4 for the lowest; 3 up or down at random. Time: phrases of four bars go 4 % slower at
their ends and 4 % faster in their middle; the highest note comes 15 ms early, the others of its chord 4 ms apart from
low to high, each up to 8 ms off at random. A note sounds for 95 % of its length, 30 ms at least. That melodies lead:
Goebl 2001, "Melody lead in piano performance: Expressive device or artifact?"
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.music.values import Note, Part, Piece, Tempo, Timeline

RULE = "humanised: loudness by metre and melody, time by phrase and melody lead (corpus/humanise.py)"
MILLISECONDS = Timeline(500, tempos=(Tempo(0, 120.0),))  # a tick is a millisecond


def humanised(piece: Piece, seed: int) -> Piece:
    """Play a piece by the rule, as one part with ticks of a millisecond.

    seed: of what is random.
    """
    random, timeline = np.random.default_rng(seed), piece.timeline
    phrase = 4 * timeline.seconds(math.ceil(timeline.bar_ticks(timeline.metre)))
    chords: dict[int, list[Note]] = defaultdict(list)
    for part in piece.parts:
        for note in () if part.is_drum else part.notes:
            chords[note.start].append(note)
    played = []
    for start, chord in sorted(chords.items()):
        ordered = sorted(chord, key=lambda note: note.pitch)
        at, stress = _bent(timeline.seconds(start), phrase), _stress(timeline, start)
        for place, note in enumerate(ordered):
            is_top, is_bass = note is ordered[-1], place == 0
            velocity = 54 + stress + 14 * is_top + 4 * (is_bass and not is_top) + int(random.integers(-3, 4))
            shift = (-0.015 if is_top else 0.004 * place) + random.uniform(-0.008, 0.008)
            length = max(0.03, 0.95 * (_bent(timeline.seconds(note.end), phrase) - at))
            played.append(
                Note(max(0, round(1000 * (at + shift))), max(30, round(1000 * length)), note.pitch, velocity)
            )
    return replace(piece, parts=(Part(tuple(played), "Piano"),), timeline=MILLISECONDS, chords=())


def _bent(seconds: float, phrase: float) -> float:
    """Bend time within phrases of so many seconds."""
    return seconds + 0.04 * phrase / math.tau * math.sin(math.tau * seconds / phrase)


def _stress(timeline: Timeline, tick: int) -> int:
    """Return how much louder a place in the bar is."""
    metre = timeline.metre_at(tick)
    place = (tick - metre.tick) % timeline.bar_ticks(metre)
    unit = timeline.ticks_per_quarter * 4 / metre.denominator
    beat = 3 * unit if metre.denominator == 8 and metre.numerator in (6, 9, 12) else unit
    if not place:
        return 10
    if place % beat:
        return 0
    return 6 if metre.numerator % 2 == 0 and metre.numerator >= 4 and 2 * place == timeline.bar_ticks(metre) else 4


def humanised_corpus(corpus: Corpus) -> Corpus:
    """Play a corpus that keeps all notes by the rule. The same corpus gives the same notes."""
    music = zip(corpus.slices(), corpus.music(), strict=True)
    made: list[tuple[CorpusPiece, list[Piece]]] = [
        (replace(line, melodies=(), provenance={**line.provenance, "played": RULE}), [humanised(piece, n)])
        for n, ((line, _), piece) in enumerate(music)
    ]
    return corpus_of(made, keep="all")

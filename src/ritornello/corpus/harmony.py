"""Find the chords of music in voices or with an accompaniment, beat by beat, by a rule of few numbers.

A beat's pitch classes are weighed by how long they sound in it, more where they sound at its beginning, and more in
the bass. Each chord of ten qualities on twelve roots scores what it explains, less what it does not, less its own
notes that are missing (Pardo & Birmingham 2002, "Algorithms for chordal analysis"). The best path through the beats
is taken, on which a new chord costs something, less on strong beats (as in the hidden Markov models of Raphael &
Stoddard 2004, "Functional harmonic analysis using probabilistic models", with costs set by hand instead of trained).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ritornello.music.beats import beat_edges
from ritornello.music.chords import QUALITIES, Chord, semitones
from ritornello.music.values import ChordChanges, Note, Piece, Timeline

FOUND = [name for name in QUALITIES if name not in ("none", "sus2")]  # a suspended second is a fourth above its fifth
COSTS = {  # of a chord beside a plain major or minor one, in beats of one voice
    **{"dominant": 0.25, "minor7": 0.45, "major7": 0.6, "half-diminished": 0.3, "diminished": 0.3},
    **{"diminished7": 0.3, "sus4": 0.6, "augmented": 0.6},
}
FULL = 1.5  # notes to an onset, below which a piece has no harmony
VOICES = range(3, 7)  # parts that are voices, each a line of its own
PRESENT = 0.05  # share of a beat below which a degree counts as missing
AT_ONSET = 1.0  # beats that a note which sounds at the beginning of a beat counts more
BASS = 1.0  # beats that the lowest note counts more
FOREIGN = 2.0  # weight of what a chord does not explain
MISSING, MISSING_FIFTH = 0.9, 0.15  # cost of a degree that does not sound, and of a perfect fifth
ROOT_IN_BASS = 0.2
CHANGE = {True: 0.3, False: 0.6}  # cost of a new chord on a strong beat, and on another
CHANGE_BROKEN = {True: 0.4, False: 0.8}  # in an accompaniment
SAME_ROOT = 0.1  # cost where its root stays

Floats = NDArray[np.float64]


def with_found_chords(piece: Piece) -> Piece:
    """Add the chords that are found in a piece of several voices without symbols."""
    pitched = [part for part in piece.parts if part.notes and not part.is_drum]
    notes = sum(len(part.notes) for part in pitched)
    starts = len({note.start for part in pitched for note in part.notes})
    if piece.chords or notes < FULL * starts:
        return piece
    return replace(piece, chords=find_chords(piece, is_choral=len(pitched) in VOICES))


def find_chords(piece: Piece, is_choral: bool = True) -> ChordChanges:
    """Find the chords of a piece, by the tick at which each begins; () where nothing is pitched.

    is_choral: whether its lowest voice is a bass line, so that each beat has a bass of its own; else the lowest note
        of a chord in a bar is its bass there.
    """
    notes = sorted(note for part in piece.parts if not part.is_drum for note in part.notes)
    if not notes:
        return ()
    edges, bars, strong = _beats(piece.timeline)
    weights, lowest = _weights(notes, edges)
    present = weights if is_choral else _around(weights, bars)
    path = _best_path(_scores(weights, present, lowest), strong, CHANGE if is_choral else CHANGE_BROKEN)
    whole = list(zip(path, bars, strict=True))  # a chord in a bar
    spans = [beat for beat in range(len(path)) if is_choral or not beat or whole[beat] != whole[beat - 1]]
    found: list[tuple[int, Chord]] = []
    for first, stop in pairwise((*spans, len(path))):
        root, quality = path[first] % 12, FOUND[path[first] // 12]
        tones = Chord(root, quality, root).pitch_classes
        basses = [pitch for pitch in lowest[first:stop] if pitch >= 0 and pitch % 12 in tones]
        before = found[-1][1] if found and found[-1][1][:2] == (root, quality) else None
        chord = Chord(root, quality, min(basses) % 12 if basses else before.bass if before else root)
        if chord != before:
            found.append((edges[first], chord))
    return tuple(found)


def _beats(timeline: Timeline) -> tuple[list[int], list[int], list[bool]]:
    """List the beats: starts in ticks and the end, bars, and whether each is strong."""
    edges, bars, strong = [], [], []
    lines = timeline.barlines()
    for bar, (start, end) in enumerate(pairwise(lines)):
        metre = timeline.metre_at(start)
        inner = beat_edges(metre)[:-1]
        is_pickup = bar == 0 and timeline.pickup > 0  # its beats are counted from its end
        late = int(timeline.bar_ticks(metre)) - timeline.pickup if is_pickup else 0
        for edge in inner:
            place = start + round(edge * timeline.ticks_per_quarter) - late
            if start <= place < min(end, timeline.length):
                edges.append(place)
                bars.append(bar)
                strong.append(edge == 0 or (len(inner) % 2 == 0 and edge == inner[len(inner) // 2]))
    if not edges or edges[0] > 0:
        edges, bars, strong = [0, *edges], [0, *bars], [True, *strong]
    return [*edges, max(timeline.length, edges[-1] + 1)], bars, strong


def _weights(notes: Sequence[Note], edges: Sequence[int]) -> tuple[Floats, list[int]]:
    """Weigh the pitch classes of each beat, (beats, 12), and find its lowest pitch.

    The pitch is -1 where nothing sounds.
    """
    beats = len(edges) - 1
    weights, lowest = np.zeros((beats, 12)), [128] * beats
    for note in notes:
        beat = bisect_right(edges, note.start) - 1
        while beat < beats and edges[beat] < note.end:
            start, end = edges[beat], edges[beat + 1]
            share = (min(note.end, end) - max(note.start, start)) / (end - start)
            weights[beat, note.pitch % 12] += share + AT_ONSET * (note.start <= start)
            lowest[beat] = min(lowest[beat], note.pitch)
            beat += 1
    for beat, pitch in enumerate(lowest):
        if pitch < 128:
            weights[beat, pitch % 12] += BASS
    return weights, [pitch if pitch < 128 else -1 for pitch in lowest]


def _around(weights: Floats, bars: Sequence[int]) -> Floats:
    """Add to each beat what sounds beside it in its bar: chords may be broken."""
    present = weights.copy()
    for beat in range(1, len(weights)):
        if bars[beat] == bars[beat - 1]:
            present[beat] += weights[beat - 1]
            present[beat - 1] += weights[beat]
    return present


def _scores(weights: Floats, present: Floats, lowest: Sequence[int]) -> Floats:
    """Score each chord in each beat, (beats, chords).

    Chord q * 12 + r is quality q of FOUND on root r. present: weights by which a degree is missing or not, (beats,
    12). Weights are taken as shares of the beat's whole, so that full chords count no more than thin ones.
    """
    whole = weights.sum(1, keepdims=True)
    shares = weights / np.maximum(whole, 1e-9)
    scores = np.zeros((len(weights), 12 * len(FOUND)))
    basses = np.array(lowest)
    for number, quality in enumerate(FOUND):
        degrees = [(1, 0), *sorted(QUALITIES[quality][1])]
        tones = [semitones(*degree) for degree in degrees]
        for root in range(12):
            own = [(root + tone) % 12 for tone in tones]
            explained = shares[:, own].sum(1)
            missing = (present[:, own] < PRESENT * present.sum(1, keepdims=True)) @ [
                MISSING_FIFTH if d == (5, 0) else MISSING for d in degrees
            ]
            score = explained - FOREIGN * (1 - explained) - missing - COSTS.get(quality, 0.0)
            scores[:, 12 * number + root] = score + ROOT_IN_BASS * (basses % 12 == root)
    return np.where(whole > 0, scores, 0.0)


def _best_path(scores: Floats, strong: Sequence[bool], costs: Mapping[bool, float]) -> list[int]:
    """Find the chords of the beats, by Viterbi's algorithm. costs: of a new chord, as CHANGE."""
    chords = np.arange(scores.shape[1])
    best, came_from = scores[0], np.zeros(scores.shape, np.int64)
    for beat in range(1, len(scores)):
        of_root = best.reshape(-1, 12).argmax(0)[chords % 12] * 12 + chords % 12  # the best of each root
        origins = np.stack([np.full_like(chords, best.argmax()), of_root, chords])  # of equal ones the latest change
        values = best[origins] - np.array([[costs[strong[beat]]], [SAME_ROOT], [0.0]])
        came_from[beat] = origins[values.argmax(0), chords]
        best = values.max(0) + scores[beat]
    path = [int(best.argmax())]
    for beat in range(len(scores) - 1, 0, -1):
        path.append(int(came_from[beat, path[-1]]))
    return path[::-1]

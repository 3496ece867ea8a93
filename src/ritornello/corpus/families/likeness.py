"""How alike two tunes are: the share of the shorter one that lies in runs which the other has as well.

Two readings of "has as well", either of which makes two tunes the same:

- *in contour*: runs of 12 intervals, whatever the rhythm and however often a note is repeated. Hymns under other
  words differ in repetitions, editions in rhythm. (Hymns and art songs: the same tune covers 68 % and above,
  chance pairs 57 % and below.)
- *in intervals and rhythm*: runs of 4 notes or more at one transposition and one stretch, in the same order, around
  a shared run of 7 notes. It finds a variant whose every second bar has a changed note. (Hymns: copies 100 %,
  chance pairs 42 % and below; art songs: 59 % and below.)

The order-keeping runs are found as Ratcliff and Metzener do (1988, "Pattern matching: the gestalt approach"): the
longest first, then left and right of it.
"""

from __future__ import annotations

from difflib import SequenceMatcher

import numpy as np

from ritornello.corpus.families.shared_runs import CONTOUR_RUN, SPREAD, Line, run_names

LEAST_RUN = 4
"""Notes in the shortest run that counts beside one of RHYTHM_RUN steps, at the same transposition and stretch."""

MOST_PLACES = 8  # transpositions and stretches that are tried for a pair; more are not a tune but a pattern


def likeness(a: Line, b: Line, least: float = 0.0) -> float:
    """Measure the share of the shorter piece in runs that the other has, 0 to 1.

    It is the larger of the two readings.
    least: a likeness below that need not be exact.
    """
    in_contour = contour_share(a, b)
    return in_contour if in_contour >= (least or 1.0) else max(in_contour, rhythm_share(a, b, max(least, in_contour)))


def sameness(a: Line, b: Line) -> float:
    """Measure the share of the longer piece in runs that the shorter has, 0 to 1.

    It is the larger of the two readings: a piece and its half are alike, but not the same.
    """
    contours, notes = (
        sorted(lengths) for lengths in ((len(a.contour), len(b.contour)), (len(a.pitches), len(b.pitches)))
    )
    in_contour = contour_share(a, b) * contours[0] / max(contours[1], 1)
    return max(in_contour, rhythm_share(a, b, in_contour) * notes[0] / max(notes[1], 1))


def contour_share(a: Line, b: Line) -> float:
    """Measure the share of the shorter contour in runs of CONTOUR_RUN steps that the other has."""
    shorter, other = sorted((a, b), key=lambda line: len(line.contour))
    if len(shorter.contour) < CONTOUR_RUN:
        return 0.0
    return _covered(shorter.contour_runs, other.contour_runs, CONTOUR_RUN) / len(shorter.contour)


def rhythm_share(a: Line, b: Line, least: float = 0.0) -> float:
    """Measure the share of the shorter piece's notes in runs of one transposition and stretch.

    The runs are in the same order (see above).
    least: a share below that need not be exact; it is then 0.
    """
    shorter, other = sorted((a, b), key=lambda line: len(line.pitches))
    wanted = least * len(shorter.pitches)
    best = 0
    for here, there in _shared_places(shorter, other):
        own, others = _aligned(shorter, other, here, there)
        covered = _covered(run_names(own, LEAST_RUN), run_names(others, LEAST_RUN), LEAST_RUN)
        if covered >= wanted and covered > best:  # in order there are at most as many
            best = max(best, _in_order(own, others))
    return best / max(len(shorter.pitches), 1)


def _covered(own: np.ndarray, others: np.ndarray, length: int) -> int:
    """Count the steps in runs of `length` that both have, given the names of all runs of both."""
    if not len(own) or not len(others):
        return 0
    known = np.sort(others)
    shared = known[np.minimum(np.searchsorted(known, own), len(known) - 1)] == own
    begun = np.cumsum(shared)  # runs begun up to each place; a step is covered by those of the last `length` places
    return int((np.pad(begun, (0, length - 1), "edge") > np.pad(begun, (length, 0))[: len(own) + length - 1]).sum())


def _shared_places(a: Line, b: Line) -> list[tuple[int, int]]:
    """Find runs of RHYTHM_RUN steps of `a` in `b`, one for each transposition and stretch."""
    own, (names, firsts) = a.rhythmic_runs, b.first_rhythmic_runs
    if not len(names):
        return []
    at = np.minimum(np.searchsorted(names, own), len(names) - 1)
    places: dict[tuple[int, float], tuple[int, int]] = {}
    for step in np.flatnonzero(names[at] == own).tolist():
        here, there = step + 1, int(firsts[at[step]]) + 1  # a step is named by the interval after its second note
        shift = int(b.pitches[there] - a.pitches[here])
        places.setdefault((shift, float(b.onsets[there] / a.onsets[here])), (here, there))
    return list(places.values())[:MOST_PLACES]


def _aligned(a: Line, b: Line, here: int, there: int) -> tuple[np.ndarray, np.ndarray]:
    """Number the notes of both, (notes,) uint64, equal where they agree once `here` is `there`."""
    shift = int(b.pitches[there] - a.pitches[here])
    own = (a.pitches + shift + 256).astype(np.uint64) * SPREAD ^ (a.onsets * b.onsets[there]).astype(np.uint64)
    others = (b.pitches + 256).astype(np.uint64) * SPREAD ^ (b.onsets * a.onsets[here]).astype(np.uint64)
    return own, others


def _in_order(own: np.ndarray, others: np.ndarray) -> int:
    """Count one's notes in runs of LEAST_RUN or more that the others have in the same order."""
    matcher = SequenceMatcher(None, own.tolist(), others.tolist(), autojunk=False)
    count, left = 0, [(0, len(own), 0, len(others))]
    while left:
        low, high, other_low, other_high = left.pop()
        block = matcher.find_longest_match(low, high, other_low, other_high)
        if block.size >= LEAST_RUN:
            count += block.size
            left.append((low, block.a, other_low, block.b))
            left.append((block.a + block.size, high, block.b + block.size, other_high))
    return count

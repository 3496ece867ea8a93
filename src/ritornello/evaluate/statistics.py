"""Statistics of melodies: habits, distributions, and the distance of two sets of melodies.

Everything is counted from melodies, never from tokens, so that all encodings are judged alike. The tonic is
estimated from all notes but the last (Krumhansl-Schmuckler), for every melody, whatever key its file names.

Comparing histograms of two sets, and of a set with itself for scale, follows Yang & Lerch 2020, "On the
evaluation of generative models in music" (Neural Computing and Applications 32). The distance of two
distributions is Jensen and Shannon's divergence in bits, 0 to 1 (Lin 1991, "Divergence measures based on the
Shannon entropy"); that of two shares is their difference. Repetition one, two and four bars later is what
Magenta's lookback encoding is made for (Waite 2016, "Generating long-term structure in songs and stories").
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, groupby, pairwise

from ritornello.music.beats import beat_lengths
from ritornello.music.keys import estimate_key
from ritornello.music.values import Melody

LONG_RUN = 8  # more notes than this on one pitch in a row
OCTAVE = 12  # wider intervals count as this
WIDEST = 36  # semitones; so do wider ranges as this
REPETITIONS = (1, 2, 4)  # bars

Distribution = dict[float, float]


def habits(melodies: Sequence[Melody]) -> dict[str, float]:
    """Count habits as shares, 0 to 1, over melodies with at least two notes.

    tonic_endings, long_endings (the last note lasts a beat or more): of melodies. ties: of notes, those that sound on
    over a barline. long_repeats: of melodies, those with more than LONG_RUN notes on one pitch in a row.
    """
    melodies = [m for m in melodies if len(m.notes) > 1]
    count, notes = max(1, len(melodies)), max(1, sum(len(m.notes) for m in melodies))
    return {
        "melodies": float(len(melodies)),
        "tonic_endings": sum(map(ends_on_tonic, melodies)) / count,
        "long_endings": sum(map(ends_long, melodies)) / count,
        "ties": sum(map(tied_notes, melodies)) / notes,
        "long_repeats": sum(longest_repeat(m) > LONG_RUN for m in melodies) / count,
    }


@dataclass(frozen=True)
class Profile:
    """Statistics of a set of melodies.

    distributions, each summing to 1 (empty where there was nothing to count): `intervals` in semitones from note
    to note, `durations` in quarters, `ranges` in semitones from a melody's lowest to its highest note.
    shares, 0 to 1: `on_beat` of notes that start on a beat; `tonic_endings` and `long_endings` of melodies;
    `repeats_1`, `repeats_2`, `repeats_4` of the notes that come so many bars or more after the melody's
    start: those that start exactly so many bars after a note of the same pitch.
    """

    melodies: int
    distributions: dict[str, Distribution]
    shares: dict[str, float]


def profile_of(melodies: Sequence[Melody]) -> Profile:
    """Count a set of melodies; those of a single note or none are left out."""
    melodies = [m for m in melodies if len(m.notes) > 1]
    shares = habits(melodies)
    chosen = {name: shares[name] for name in ("tonic_endings", "long_endings")}
    chosen["on_beat"] = _pooled(map(_on_beat, melodies))
    for bars in REPETITIONS:
        chosen[f"repeats_{bars}"] = _pooled(_repeated(m, bars) for m in melodies)
    pitches = [[note.pitch for note in m.notes] for m in melodies]
    counted: dict[str, Counter] = {
        "intervals": Counter(
            max(-OCTAVE, min(OCTAVE, after - before)) for p in pitches for before, after in pairwise(p)
        ),
        "durations": Counter(n.duration / m.timeline.ticks_per_quarter for m in melodies for n in m.notes),
        "ranges": Counter(min(max(p) - min(p), WIDEST) for p in pitches),
    }
    distributions = {
        name: {float(value): count / counts.total() for value, count in sorted(counts.items())}
        for name, counts in counted.items()
    }
    return Profile(len(melodies), distributions, chosen)


def distances(one: Profile, other: Profile) -> dict[str, float]:
    """Measure the distance of two sets by each statistic, 0 to 1.

    Of distributions the divergence in bits, of shares the difference.
    """
    divergences = {name: divergence(d, other.distributions[name]) for name, d in one.distributions.items()}
    return divergences | {name: abs(share - other.shares[name]) for name, share in one.shares.items()}


def divergence(one: Distribution, other: Distribution) -> float:
    """Compute the Jensen-Shannon divergence in bits: 0 if equal, 1 if nothing is in common."""
    total = 0.0
    for value in one.keys() | other.keys():
        p, q = one.get(value, 0.0), other.get(value, 0.0)
        middle = (p + q) / 2
        total += sum(share * math.log2(share / middle) for share in (p, q) if share > 0) / 2
    return max(0.0, total)


def ends_on_tonic(melody: Melody) -> bool:
    """Test whether the last note is the tonic of the key that the notes before it are in."""
    return melody.notes[-1].pitch % 12 == estimate_key(melody.notes[:-1])[0].tonic


def ends_long(melody: Melody) -> bool:
    """Test whether the last note lasts a beat or more: a dotted quarter in 6/8."""
    timeline = melody.timeline
    beat = beat_lengths(timeline.metre_at(melody.notes[-1].start))[0]
    return melody.notes[-1].duration >= beat * timeline.ticks_per_quarter


def tied_notes(melody: Melody) -> int:
    """Count the notes that sound on over a barline."""
    lines = melody.timeline.barlines()
    return sum(any(note.start < line < note.end for line in lines) for note in melody.notes)


def longest_repeat(melody: Melody) -> int:
    """Count the notes of the longest run on one pitch."""
    return max((len(list(run)) for _, run in groupby(note.pitch for note in melody.notes)), default=1)


def _on_beat(melody: Melody) -> tuple[int, int]:
    """Count the notes that start on a beat of their bar, and all notes.

    The beats of a pick-up are counted back from its barline.
    """
    timeline, hits = melody.timeline, 0
    lines = timeline.barlines()
    for note in melody.notes:
        line = lines[max(0, bisect_right(lines, note.start) - 1)]
        metre = timeline.metre_at(note.start)
        skipped = timeline.bar_ticks(metre) - timeline.pickup if line < timeline.pickup else 0
        places = accumulate(beat_lengths(metre), initial=Fraction(0))
        hits += Fraction(note.start - line + skipped, timeline.ticks_per_quarter) in places
    return hits, len(melody.notes)


def _repeated(melody: Melody, bars: int) -> tuple[int, int]:
    """Count the notes with the pitch of one exactly `bars` before, and all that come so late."""
    timeline = melody.timeline
    bar = timeline.bar_ticks(timeline.metre) * bars
    pitch_at: dict[int | Fraction, int] = {note.start: note.pitch for note in melody.notes}
    able = [note for note in melody.notes if note.start >= bar]
    return sum(pitch_at.get(note.start - bar) == note.pitch for note in able), len(able)


def _pooled(parts: Iterable[tuple[int, int]]) -> float:
    """Divide the sum of hits by the sum of chances; 0 where there were none."""
    hits, chances = (sum(column) for column in zip(*parts, strict=True)) if (parts := list(parts)) else (0, 0)
    return hits / chances if chances else 0.0

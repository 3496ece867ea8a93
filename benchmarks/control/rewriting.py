"""Do new bars between what stands before and after fit as well as people's own?

    python -m benchmarks.control.rewriting --tunes 200 --json

Four bars of held-out tunes of one metre, drawn by their number, are rewritten in three ways. Chords are left out,
as most tunes have none. A join is the step from a new note to one that stays, or the other way round.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from time import process_time
from typing import Any

import numpy as np

import ritornello as rito
from benchmarks.report import arguments, inner_spread, tell
from ritornello.generate.rewrite import difference, figures_of
from ritornello.generate.span import Span
from ritornello.music.values import Melody

BARS, VERSIONS, MOST_BARS = 4, 3, 32
LEAP = 5  # semitones


def held_out(tunes: int, split: str = "test") -> list[tuple[Melody, tuple[int, int]]]:
    """Choose melodies of a split, and four bars of each that are neither the first nor the last."""
    found = []
    for melody in rito.load_corpus("all").melodies(split):
        bars = len(melody.timeline.barlines()) - 1 - (melody.timeline.pickup > 0)
        if len({metre[1:3] for metre in melody.timeline.metres}) > 1 or not BARS + 2 <= bars <= MOST_BARS:
            continue
        first = 2 + len(found) % (bars - BARS)
        found.append((melody, (first, first + BARS - 1)))
    return found[:: max(1, len(found) // tunes)][:tunes]


def inner(melody: Melody, start: float, stop: float) -> tuple[int, int]:
    """Find the notes that begin in a span of quarters: the first one, and the one after the last."""
    starts = [note.start / melody.timeline.ticks_per_quarter for note in melody.notes]
    return int(np.searchsorted(starts, start)), int(np.searchsorted(starts, stop))


def joins(melody: Melody, first: int, stop: int) -> dict[str, list[float]]:
    """Measure both joins: semitones, and the quarters of the notes before them."""
    notes, quarter = melody.notes, melody.timeline.ticks_per_quarter
    places = [place for place in (first, stop) if 0 < place < len(notes)]
    return {
        "steps": [abs(notes[place].pitch - notes[place - 1].pitch) for place in places],
        "lengths": [notes[place - 1].duration / quarter for place in places if place == stop],
    }


def row_of(name: str, found: list[tuple[Melody, int, int, np.ndarray]], **more: Any) -> dict[str, Any]:
    """Describe the bars and joins of melodies."""
    steps = [step for melody, first, stop, _ in found for step in joins(melody, first, stop)["steps"]]
    lengths = [length for melody, first, stop, _ in found for length in joins(melody, first, stop)["lengths"]]
    per_note = [float(costs[first:stop].mean()) for _, first, stop, costs in found]
    leaps = np.mean([step >= LEAP for step in steps])
    repeats = [
        m.notes[k].pitch == m.notes[k - 1].pitch for m, first, stop, _ in found for k in range(first + 1, stop)
    ]
    return {
        "bars": f"{name}, {len(found)}",
        "bits per note of them": inner_spread(per_note),
        "joins, semitones": f"{np.mean(steps):.2f}",
        "joins that leap": f"{leaps:.0%}",
        "note before, quarters": f"{np.mean(lengths):.2f}",
        "repeats": f"{np.mean(repeats):.0%}",
        **more,
    }


def main() -> None:
    """Rewrite, measure, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=200)
    parser.add_argument("--split", default="test")
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    model, people, new, cheaper, differ, seconds = rito.load_model(options.model), [], [], [], [], []
    for melody, bars in held_out(options.tunes, options.split):
        melody = replace(melody, chords=())
        span, quarter = Span.of(melody, bars), melody.timeline.ticks_per_quarter
        edges, costs = (span.start / quarter, span.stop / quarter), model.bits_of_notes(melody)
        begin = process_time()
        versions = model.rewrite(melody, bars, n=VERSIONS, seed=1, on_remark=lambda _: None)
        seconds.append(process_time() - begin)
        if not len(costs) or not len(versions[0].surprise):
            continue
        people.append((melody, *inner(melody, *edges), costs))
        new.append((versions[0].melody, *inner(versions[0].melody, *edges), versions[0].surprise))
        cheaper.append(versions[0].surprise.sum() <= costs.sum())
        figures = [figures_of(m.notes[slice(*inner(m, *edges))], m) for m in (melody, *(v.melody for v in versions))]
        pairs = [difference(one, other) for one, other in combinations(figures, 2)]
        differ.append(len(versions) == VERSIONS and min(pairs) >= 0.5)
    own = [float(costs[first:stop].mean()) for _, first, stop, costs in people]
    low, high = np.quantile(own, [0.05, 0.95])
    inside = [low <= float(costs[first:stop].mean()) <= high for _, first, stop, costs in new]
    rows = [row_of("people's", people), row_of("rewritten", new)]
    tell(
        rows,
        options.json,
        whole_no_dearer=f"{np.mean(cheaper):.0%}",
        within_peoples=f"{np.mean(inside):.0%}",
        three_that_differ=f"{np.mean(differ):.0%}",
        seconds_for_three=round(float(np.median(seconds)), 2),
    )


if __name__ == "__main__":
    main()

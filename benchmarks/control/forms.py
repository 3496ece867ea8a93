"""Do sections return, and differ, as people's do?

    python -m benchmarks.control.forms --tunes 100 --json

People's tunes of the embedded corpus whose bars four equal sections divide are cut into these (a pick-up belongs to
the section after it). Tunes are of the form AABA where the first, second and fourth section share at least half of
their notes, place and pitch, and the third less with any of them. Composed ones are asked for as --form AABA.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import numpy as np

import ritornello as rito
from benchmarks.report import arguments, inner_spread, tell
from ritornello.generate.choice.sections import shared
from ritornello.music.keys import estimate_key
from ritornello.music.values import Melody

LEAST_SHARED = 0.5
LEAST_BARS = 2  # of a section
HALF_CLOSE, TONIC = (2, 7, 11), (0,)  # semitones above the tonic


def sections_of(melody: Melody, count: int = 4) -> list[list[tuple[int, int]]] | None:
    """Notes of equal sections, by ticks from the beginning and pitch; None where bars do not divide so."""
    timeline = melody.timeline
    bar, pickup = timeline.bar_ticks(timeline.metre), timeline.pickup
    bars = round((timeline.length - pickup) / bar + (pickup > 0) * 0.01)
    ends_short = pickup and (timeline.length - pickup) % bar
    bars += bool(ends_short) and (timeline.length - pickup) // bar == bars
    if len({m[1:3] for m in timeline.metres}) > 1 or bars % count or bars // count < LEAST_BARS:
        return None
    begin = pickup - bar if pickup else 0
    start = melody.notes[0].start if pickup else 0
    del begin
    edges = [start + n * (bars // count) * bar for n in range(count)] + [timeline.length + bar]
    return [[(int(n.start - a), n.pitch) for n in melody.notes if a <= n.start < b] for a, b in pairwise(edges)]


def is_aaba(parts: list[list[tuple[int, int]]]) -> bool:
    """Tell whether the sections of a tune of people's are of this form."""
    a, b, c, d = parts
    if not all(parts):
        return False
    return min(shared(b, a), shared(d, a)) >= LEAST_SHARED > max(shared(c, a), shared(c, b))


def figures(melodies: list[Melody], parts: list[list[list[tuple[int, int]]]]) -> dict[str, str]:
    """Measure what sections share with the first, and where they end."""
    tonics = [(m.timeline.key or estimate_key(m.notes)[0]).tonic for m in melodies]
    ends = [[(section[-1][1] - tonic) % 12 for section in p] for p, tonic in zip(parts, tonics, strict=True)]
    return {
        "A2 shares with A1": inner_spread([shared(p[1], p[0]) for p in parts]),
        "A3 with A1": inner_spread([shared(p[3], p[0]) for p in parts]),
        "B with A1": inner_spread([shared(p[2], p[0]) for p in parts]),
        "A1 ends open": f"{np.mean([e[0] in HALF_CLOSE for e in ends]):.0%}",
        "A1 on the tonic": f"{np.mean([e[0] in TONIC for e in ends]):.0%}",
        "B ends open": f"{np.mean([e[2] in HALF_CLOSE for e in ends]):.0%}",
        "last on the tonic": f"{np.mean([e[3] in TONIC for e in ends]):.0%}",
    }


def main() -> None:
    """Find people's, compose, measure, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=100)
    parser.add_argument("--form", default="AABA")
    options = parser.parse_args()
    people = [(m, parts) for m in rito.load_corpus("all").melodies() if (parts := sections_of(m)) and is_aaba(parts)]
    rows = [{"tunes": f"people's, {len(people)}", **figures(*map(list, zip(*people, strict=True))), "seconds": 0.0}]
    begin = perf_counter()
    tunes = rito.load_model().generate(n=options.tunes, seed=1, form=options.form)
    seconds = (perf_counter() - begin) / len(tunes)
    composed = [(t.melody, parts) for t in tunes if (parts := sections_of(t.melody)) and all(parts)]
    rows.append(
        {
            "tunes": f"--form {options.form}, {len(composed)} of {len(tunes)}",
            **figures(*map(list, zip(*composed, strict=True))),
            "seconds": seconds,
        }
    )
    tell(rows, options.json)


if __name__ == "__main__":
    main()

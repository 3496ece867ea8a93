"""Are rhythm and contour kept, and do tunes that are like another end as people's do?

    python -m benchmarks.control.like --tunes 50 --json

Held-out tunes of one metre, cut to their first 16 bars, are what new ones are to be like.
"""

from __future__ import annotations

from fractions import Fraction
from time import perf_counter
from typing import Any

import numpy as np

import ritornello as rito
from benchmarks.report import arguments, tell
from ritornello.evaluate.endings import ends_on_its_tonic
from ritornello.evaluate.statistics import ends_long
from ritornello.generate.choice.like import newness
from ritornello.generate.continuation import first_bars
from ritornello.generate.rewrite import likeness
from ritornello.music.values import Melody

BARS = 16


def rhythm(melody: Melody) -> list[tuple[Fraction, Fraction]]:
    """Starts and durations in quarters."""
    quarter = melody.timeline.ticks_per_quarter
    return [(Fraction(note.start, quarter), Fraction(note.duration, quarter)) for note in melody.notes]


def correlation(new: Melody, old: Melody) -> float:
    """Compute the correlation of two contours, over all times at which a note of either begins."""
    ticks = np.lcm(new.timeline.ticks_per_quarter, old.timeline.ticks_per_quarter)
    one, other = (line.with_resolution(int(ticks)) for line in (new, old))
    return likeness(one.notes, other.notes, 1)


def main() -> None:
    """Compose, measure, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=50)
    options = parser.parse_args()
    model, rows = rito.load_model(), []
    held_out = [m for m in rito.load_corpus("all").melodies("test") if len({x[1:3] for x in m.timeline.metres}) == 1]
    held_out = [first_bars(m, BARS)[0] for m in held_out if len(m.notes) > 8]
    held_out = held_out[:: max(1, len(held_out) // options.tunes)][: options.tunes]
    rows.append(_row("people's", held_out, held_out, "rhythm", 0.0))
    for keep in ("rhythm", "contour"):
        made, old, begin = [], [], perf_counter()
        for melody in held_out:
            try:
                made.append(model.generate(like=melody, keep=keep, seed=1).melody)
                old.append(melody)
            except ValueError as error:
                print(melody.title, error)
        rows.append(_row(keep, made, old, keep, (perf_counter() - begin) / len(held_out)))
    tell(rows, options.json)


def _row(name: str, made: list[Melody], old: list[Melody], keep: Any, seconds: float) -> dict[str, Any]:
    """Count what was kept, and how tunes end."""
    alike = [correlation(a, b) for a, b in zip(made, old, strict=True)]
    new = [newness(a, b, keep) for a, b in zip(made, old, strict=True)]
    return {
        "tunes": f"{name}, {len(made)}",
        "rhythm exact": f"{np.mean([rhythm(a) == rhythm(b) for a, b in zip(made, old, strict=True)]):.0%}",
        "contour": f"{np.median(alike):.2f} (least {min(alike):.2f})",
        "new": f"{np.median(new):.0%}",
        "end on the tonic": f"{np.mean([ends_on_its_tonic(m) for m in made]):.0%}",
        "end long": f"{np.mean([ends_long(m) for m in made]):.0%}",
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()

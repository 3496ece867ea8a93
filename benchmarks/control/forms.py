"""Do sections return, and differ, as people's do?

    python -m benchmarks.control.forms --tunes 100 --json

People's tunes of the embedded corpus whose bars four equal sections divide are cut into these (a pick-up belongs to
the section after it). Tunes are of the form AABA where the first, second and fourth section share at least half of
their notes, place and pitch, and the third less with any of them. Composed ones are asked for as --form AABA and
AA'BA'. A section that returns with changes closes alike where its last bar is that of the first; a bar of B
transposes one of A where it has its rhythm, of three notes or more, all moved the same way and equally far but for
two semitones.
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
FORMS = "AABA", "AA'BA'"
MOVED, NEARLY = 3, 2  # notes of a bar that is transposed, at least; semitones by which their steps may differ
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


def bars_of(section: list[tuple[int, int]], bar: int) -> dict[int, list[tuple[int, int]]]:
    """Sort the notes of a section into its bars, by ticks from their beginning."""
    found: dict[int, list[tuple[int, int]]] = {}
    for tick, pitch in section:
        found.setdefault(tick // bar, []).append((tick % bar, pitch))
    return found


def is_transposed(notes: list[tuple[int, int]], others: list[tuple[int, int]]) -> bool:
    """Tell whether a bar is another one at another height."""
    if len(notes) < MOVED or [tick for tick, _ in notes] != [tick for tick, _ in others]:
        return False
    moves = [pitch - other for (_, pitch), (_, other) in zip(notes, others, strict=True)]
    return max(moves) - min(moves) <= NEARLY and (min(moves) > 0 or max(moves) < 0)


def close_alike(melodies: list[Melody], parts: list[list[list[tuple[int, int]]]]) -> list[bool]:
    """Find which sections that return with changes have the last bar of the first one."""
    found = []
    for melody, (first, *others) in zip(melodies, parts, strict=True):
        bar = melody.timeline.bar_ticks(melody.timeline.metre)
        old = bars_of(first, bar)
        varied = [section for section in (others[0], others[2]) if LEAST_SHARED <= shared(section, first) < 1]
        found += [bars_of(section, bar).get(max(old)) == old[max(old)] for section in varied]
    return found


def transposing(melodies: list[Melody], parts: list[list[list[tuple[int, int]]]]) -> list[float]:
    """Compute the share of the bars of each B that transpose one of A."""
    found = []
    for melody, (first, _, other, _) in zip(melodies, parts, strict=True):
        old, new = (bars_of(section, melody.timeline.bar_ticks(melody.timeline.metre)) for section in (first, other))
        found.append(float(np.mean([any(is_transposed(bar, one) for one in old.values()) for bar in new.values()])))
    return found


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
        "varied ones close alike": f"{np.mean(close_alike(melodies, parts)):.0%}",
        "bars of B that transpose A's": f"{np.mean(transposing(melodies, parts)):.0%}",
    }


def main() -> None:
    """Find people's, compose, measure, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=100)
    options = parser.parse_args()
    people = [(m, parts) for m in rito.load_corpus("all").melodies() if (parts := sections_of(m)) and is_aaba(parts)]
    rows = [{"tunes": f"people's, {len(people)}", **figures(*map(list, zip(*people, strict=True))), "seconds": 0.0}]
    for form in FORMS:
        begin = perf_counter()
        tunes = rito.load_model().generate(n=options.tunes, seed=1, form=form)
        seconds = (perf_counter() - begin) / len(tunes)
        composed = [(t.melody, parts) for t in tunes if (parts := sections_of(t.melody)) and all(parts)]
        row = figures(*map(list, zip(*composed, strict=True)))
        rows.append({"tunes": f"--form {form}, {len(composed)} of {len(tunes)}", **row, "seconds": seconds})
    tell(rows, options.json)


if __name__ == "__main__":
    main()

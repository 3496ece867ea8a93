"""What does the best of 16 drafts do to the habits of tunes, and does it copy more?

    python -m benchmarks.control.drafts --tunes 100 --json

Tunes of one draft, the best of several, and people's (validation and test tunes of 8 bars or more, cut to their first
8 where a figure depends on length).
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np

import ritornello as rito
from benchmarks.report import arguments, tell
from ritornello.evaluate.habits import count_habits, pooled_share
from ritornello.evaluate.novelty import longest_shared_runs
from ritornello.evaluate.ranking import form_figures
from ritornello.generate.continuation import first_bars
from ritornello.music.values import Melody

BARS = 8
HABITS = ("downbeat", "last_beat", "tonic", "loops", "rounds", "exact_after_4", "rhythm_after_4")


def row_of(name: str, melodies: Sequence[Melody], runs: Sequence[int], **more: Any) -> dict[str, Any]:
    """Count the habits of melodies, and the runs that they share with training tunes."""
    counts = count_habits(melodies, BARS)
    figures = [form_figures(first_bars(melody, BARS)[0]) for melody in melodies]
    found = {habit: f"{pooled_share(counts[habit]):.0%}" for habit in HABITS}
    found |= {
        name: f"{np.median([f[name] for f in figures]):.2f}" for name in ("returns", "range", "leaps", "repeats")
    }
    found["shared run"] = f"{np.median(runs):.0f} ({np.quantile(runs, 0.95):.0f})"
    return {"tunes": f"{name}, {len(melodies)}", **found, **more}


def main() -> None:
    """Compose, count, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=100)
    parser.add_argument("--best-of", type=int, default=16)
    options = parser.parse_args()
    model, corpus, rows = rito.load_model(), rito.load_corpus("all"), []
    own = [melody for split in ("validation", "test") for melody in corpus.melodies(split)]
    people = [melody for melody in own if len(melody.timeline.barlines()) > BARS and len(melody.notes) > 8]
    people = people[:: max(1, len(people) // options.tunes)]
    shared = [run["notes"] for run in longest_shared_runs([first_bars(m, BARS)[0] for m in people], corpus)]
    rows.append(row_of("people's", people, shared, seconds=0.0))
    for best_of in (None, options.best_of):
        begin = perf_counter()
        tunes = [tune.melody for tune in model.generate(n=options.tunes, seed=1, bars=BARS, best_of=best_of)]
        seconds = (perf_counter() - begin) / len(tunes)
        shared = [run["notes"] for run in longest_shared_runs(tunes, corpus)]
        rows.append(row_of(f"best of {best_of}" if best_of else "one draft", tunes, shared, seconds=seconds))
    tell(rows, options.json)


if __name__ == "__main__":
    main()

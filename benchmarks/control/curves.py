"""How far is a target obeyed: first and last pitch, leaps, notes per bar, register, surprise?

    python -m benchmarks.control.curves --tunes 200 --json

Each row is one target, asked of so many tunes of the default model, seeds and all as a player gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

import ritornello as rito
from benchmarks.report import arguments, tell
from ritornello.generate.options import stretches
from ritornello.music.values import Melody

NOTES, SURPRISE, REGISTER = "2,4,8,4", "low,low,high,low", "low,high,low"


def edges_of(melody: Melody, values: int, bars: int) -> list[tuple[int, int]]:
    """Ticks of the stretches of a curve, a pick-up left out."""
    lines = melody.timeline.barlines()[melody.timeline.pickup > 0 :]
    lines += [lines[-1]] * (bars + 1 - len(lines))
    return [(lines[a], lines[b]) for a, b in stretches(values, bars, "curve")]


def inside(melody: Melody, start: int, stop: int) -> np.ndarray:
    """Mark the notes that begin from `start` to `stop`, (notes,) of bool."""
    return np.array([start <= note.start < stop for note in melody.notes])


def off_by(tune: Any, curve: str, bars: int) -> float:
    """By which share the notes of the worst stretch are too many or too few."""
    wanted = [float(word) for word in curve.split(",")]
    found = [
        inside(tune.melody, a, b).sum() / (last - first)
        for (a, b), (first, last) in zip(
            edges_of(tune.melody, len(wanted), bars), stretches(len(wanted), bars, "curve"), strict=True
        )
    ]
    return float(max(abs(f - w) / w for f, w in zip(found, wanted, strict=True)))


def rank_correlation(found: Sequence[float], wanted: Sequence[float]) -> float:
    """Spearman's, with equal ranks shared."""
    ranks = [
        np.array([np.mean([b < a for b in v]) + np.mean([b == a for b in v]) / 2 for a in v]) for v in (found, wanted)
    ]
    return float(np.corrcoef(*ranks)[0, 1]) if np.ptp(found) else 0.0


def followed(tune: Any, curve: str, bars: int, measure: Callable[[Any, np.ndarray], float]) -> float:
    """Correlate the ranks of a curve of words with what is measured in its stretches."""
    order = {"low": 0, "middle": 1, "high": 2}
    wanted = [order[word] for word in curve.split(",")]
    found = [measure(tune, inside(tune.melody, a, b)) for a, b in edges_of(tune.melody, len(wanted), bars)]
    return rank_correlation(found, wanted)


def surprise_of(tune: Any, mask: np.ndarray) -> float:
    """Compute the bits per note of a stretch."""
    return float(tune.surprise[mask].mean()) if mask.any() else 0.0


def pitch_of(tune: Any, mask: np.ndarray) -> float:
    """Mean pitch of a stretch."""
    return float(np.mean([n.pitch for n, is_in in zip(tune.melody.notes, mask, strict=True) if is_in] or [60]))


def widest(tune: Any) -> int:
    """Find the widest leap, in semitones."""
    return max(abs(b.pitch - a.pitch) for a, b in pairwise(tune.melody.notes))


def degree(tune: Any, place: int) -> int:
    """Semitones of a note above the tonic."""
    return (tune.melody.notes[place].pitch - tune.melody.timeline.key.tonic) % 12


ROWS: list[tuple[str, dict[str, Any], Callable[[Any], bool], str]] = [
    ("--start-on 5", {"start_on": "5"}, lambda t: degree(t, 0) == 7, "begin so"),
    ("--end-on 5", {"end_on": "5"}, lambda t: degree(t, -1) == 7, "end so"),
    ("--leap-at-most 4", {"leap_at_most": 4}, lambda t: widest(t) <= 4, "keep to it"),
    ("--notes-per-bar 4", {"notes_per_bar": "4"}, lambda t: off_by(t, "4", 8) <= 0.1, "within 10 %"),
    (f"--notes-per-bar {NOTES}", {"notes_per_bar": NOTES}, lambda t: off_by(t, NOTES, 8) <= 0.1, "within 10 % each"),
    *(
        (f"--notes-per-bar {NOTES} --metre {metre}", {"notes_per_bar": NOTES, "metre": metre},
         lambda t: off_by(t, NOTES, 8) <= 0.1, "within 10 % each") for metre in ("3/4", "6/8")
    ),
    (f"--notes-per-bar {NOTES} --chords auto", {"notes_per_bar": NOTES, "chords": "auto"},
     lambda t: off_by(t, NOTES, 8) <= 0.1, "within 10 % each"),
]  # fmt: skip
CURVES = [
    (f"--register {REGISTER}", {"register": REGISTER, "bars": 12}, REGISTER, 12, pitch_of),
    (f"--surprise {SURPRISE}", {"surprise": SURPRISE}, SURPRISE, 8, surprise_of),
    (f"--surprise {SURPRISE} --bars 16", {"surprise": SURPRISE, "bars": 16}, SURPRISE, 16, surprise_of),
]


def main() -> None:
    """Compose, measure, print."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--tunes", type=int, default=200)
    parser.add_argument("--model", default=None)
    parser.add_argument("--only", default="", help="only the rows with this word")
    options = parser.parse_args()
    model, rows = rito.load_model(options.model), []
    for name, asked, obeys, words in (row for row in ROWS if options.only in row[0]):
        begin = perf_counter()
        tunes = model.generate(n=options.tunes, seed=1, **asked)
        seconds = (perf_counter() - begin) / len(tunes)
        share = float(np.mean([obeys(tune) for tune in tunes]))
        bits = float(np.median([tune.surprise.mean() for tune in tunes]))
        rows.append({"asked": name, "obeyed": f"{share:.1%} {words}", "bits per note": bits, "seconds": seconds})
    for name, asked, curve, bars, measure in (row for row in CURVES if options.only in row[0]):
        begin = perf_counter()
        tunes = model.generate(n=options.tunes, seed=1, **asked)
        seconds = (perf_counter() - begin) / len(tunes)
        found = [followed(tune, curve, bars, measure) for tune in tunes]
        words = f"rank correlation {np.median(found):.2f} (quarter below {np.quantile(found, 0.25):.2f})"
        bits = float(np.median([tune.surprise.mean() for tune in tunes]))
        rows.append({"asked": name, "obeyed": words, "bits per note": bits, "seconds": seconds})
    begin = perf_counter()
    plain = model.generate(n=options.tunes, seed=1)
    bits = float(np.median([tune.surprise.mean() for tune in plain]))
    each = (perf_counter() - begin) / len(plain)
    rows.append({"asked": "(nothing)", "obeyed": "", "bits per note": bits, "seconds": each})
    tell(rows, options.json, tunes=options.tunes)


if __name__ == "__main__":
    main()

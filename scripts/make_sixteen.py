"""Compose sixteen tunes of the default model, seeds 1 to 16, for docs/sixteen: nothing is chosen by hand.

    python scripts/make_sixteen.py [docs/sixteen]

Each is written as a staff (SVG) and as ABC. `verdicts.txt` has a line for each, to be written by hand: the seed, the
digest of the tune, and what a composition teacher says of it. A verdict stays only with the tune that it is about.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from ritornello import atomic
from ritornello.api import load_model
from ritornello.api.tunes import Tune

SEEDS = range(1, 17)
VERDICTS = "verdicts.txt"
DIGITS = 12
NO_VERDICT = "(no verdict yet)"
HEAD = "# seed, tune, verdict; the first two are written by scripts/make_sixteen.py, the third by hand\n"

Verdicts = dict[tuple[int, str], str]


def main() -> None:
    """Write the tunes and their page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs" / "sixteen")
    parser.add_argument("--model", help="instead of the default")
    options = parser.parse_args()
    model = load_model(options.model)
    write_sixteen(options.folder, [model.generate(seed=seed) for seed in SEEDS], model.called)


def write_sixteen(folder: Path, tunes: list[Tune], called: str) -> None:
    """Write tunes as staves and ABC, the page, and the file of verdicts with those that still hold."""
    folder.mkdir(parents=True, exist_ok=True)
    known = read_verdicts(folder / VERDICTS)
    lines, parts = [HEAD], [_introduction(called, len(tunes))]
    for tune in tunes:
        name, abc = f"seed{tune.seed:02d}", tune.encoded("a.abc")
        atomic.rewrite(folder / f"{name}.abc", abc)
        atomic.rewrite(folder / f"{name}.svg", tune.encoded("a.svg"))
        mark = digest_of(tune)
        verdict = known.get((tune.seed, mark), "")
        lines.append(f"{tune.seed:2d} {mark} {verdict}".rstrip() + "\n")
        parts.append(
            f"## Seed {tune.seed}\n\n![Staff of seed {tune.seed}]({name}.svg)\n\n"
            f"{verdict or NO_VERDICT} ([ABC]({name}.abc))\n"
        )
    atomic.rewrite(folder / VERDICTS, "".join(lines).encode())
    atomic.rewrite(folder / "README.md", "\n".join(parts).encode())


def digest_of(tune: Tune) -> str:
    """Hash the notes and the metres of a tune: not its model's name, nor how it is engraved."""
    melody = tune.melody
    notes = [tuple(note[:3]) for note in melody.notes]
    words = repr((melody.timeline.ticks_per_quarter, melody.timeline.metres, melody.timeline.keys, notes))
    return hashlib.sha256(words.encode()).hexdigest()[:DIGITS]


def read_verdicts(path: Path) -> Verdicts:
    """Read verdicts by seed and digest; none where there is no file."""
    found = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        if line.strip() and not line.startswith("#"):
            seed, mark, *verdict = line.split(None, 2)
            found[int(seed), mark] = verdict[0].strip() if verdict else ""
    return found


def _introduction(called: str, count: int) -> str:
    """Write the beginning of the page."""
    return (
        f"# {count} tunes of the default model\n\n"
        f"Composed by {called} with no options but the seed, 1 to {count}; none was chosen. Under each stands what a "
        "composition teacher would say, by somebody who did not build the program.\n"
    )


if __name__ == "__main__":
    main()

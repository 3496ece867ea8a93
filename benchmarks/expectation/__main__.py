"""How well is each pitch of a melody expected from the pitches before it? In bits per note.

Ten folds of a folder of melodies, drawn at random, and drawn so that variants stay together ("grouped"); what is
scored is every note's pitch, the first included, out of all pitches of the folder. Means over notes and over
melodies. Learning: "static" has the training folds alone, "own" learns the melody as it goes, and "online" keeps what
it learned of the test melodies before.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import numpy as np
from benchmarks.expectation.material import (
    GROUPINGS,
    Notes,
    bits_per_note,
    melody_groups,
    random_folds,
    read_folder,
)
from benchmarks.expectation.mixture import Experts, Mixture, Settings
from benchmarks.expectation.rivals import network_log_p, ngram_log_p
from benchmarks.report import DATA, arguments, hardware, tell

FOLDER = DATA / "melodies" / "kinder"
LEARNINGS = {
    "ngram": ("static", "own", "online"),
    "network": ("static",),
    "network+memory": ("own",),
    "mixture": ("static", "own", "online"),
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", nargs="?", default=str(FOLDER), help="melodies as music files, such as kern")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the folds, and of training")
    parser.add_argument("--models", nargs="+", choices=LEARNINGS, default=list(LEARNINGS))
    parser.add_argument("--workers", type=int, default=0, help="processes; 0: one for each processor")
    options = parser.parse_args()
    began = time.perf_counter()
    try:
        corpus, melodies = read_folder(options.folder)
        groups_of = {grouping: melody_groups(corpus, grouping) for grouping in GROUPINGS}
        folds_of = {name: random_folds(groups, options.folds, options.seed) for name, groups in groups_of.items()}
    except ValueError as error:
        parser.error(str(error))
    notes = Notes.of(melodies)
    figures: dict[tuple[str, str], dict[str, float]] = {}
    for grouping, groups in groups_of.items():
        bench = Bench(notes, groups, folds_of[grouping], options.seed, options.models)
        prefix = "grouped" if grouping == "grouped" else "bits_per_note"
        names = [f"{prefix}_{unit}" for unit in ("notes", "melodies")]
        for key, log_p in bench.all_log_p(options.workers).items():
            figures.setdefault(key, {}).update(zip(names, bits_per_note(notes, log_p), strict=True))
    rows = [
        {"name": name, "inputs": "pitch", "pretrained": False, "learning": learning} | figures[name, learning]
        for name in options.models
        for learning in LEARNINGS[name]
    ]
    metadata = {
        "melodies": len(melodies),
        "notes": len(notes),
        "pitches": len(notes.alphabet),
        "groups": int(groups_of["grouped"].max()) + 1,
        "folds": options.folds,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - began),
    }
    if options.json:
        print(json.dumps({"models": rows, "hardware": hardware(), **metadata}))
    else:
        tell(rows, False, **metadata)


class Bench:
    """One drawing of folds. groups, folds: (melodies,). models: names of LEARNINGS."""

    def __init__(self, notes: Notes, groups: np.ndarray, folds: np.ndarray, seed: int, models: list[str]):
        self.notes, self.groups, self.folds, self.seed, self.models = notes, groups, folds, seed, models
        self.experts = Experts(notes, groups, folds) if "mixture" in models else None

    def all_log_p(self, workers: int = 0) -> dict[tuple[str, str], np.ndarray]:
        """Compute log p of every note when its fold is tested, (N,) for each model and way of learning."""
        found: dict[tuple[str, str], np.ndarray] = {}
        for fold, log_p in self._folds(workers):
            is_tested = self.folds[self.notes.melody] == fold
            for key, values in log_p.items():
                found.setdefault(key, np.zeros(len(self.notes)))[is_tested] = values
        return found

    def fold_log_p(self, fold: int) -> dict[tuple[str, str], np.ndarray]:
        """Compute log p of a fold's notes, (notes,), for each model and way of learning."""
        return {
            (name, learning): values
            for name in self.models
            for learning, values in self._model_log_p(name, fold).items()
        }

    def _model_log_p(self, name: str, fold: int) -> dict[str, np.ndarray]:
        if name == "ngram":
            return ngram_log_p(self.notes, self.folds, fold)
        if name.startswith("network"):
            [learning] = LEARNINGS[name]
            memory = name == "network+memory"
            return {learning: network_log_p(self.notes, self.groups, self.folds, fold, memory, self.seed)}
        assert self.experts is not None
        is_tested, found = self.folds[self.notes.melody] == fold, {}
        rows, targets = np.flatnonzero(is_tested), self.notes.targets
        for own in (False, True):
            inputs = self.experts.of_fold(fold, own)
            mixture = Mixture(inputs, targets, np.flatnonzero(~is_tested), self.seed, Settings())
            for learning in ("own", "online") if own else ("static",):
                read = self.experts.of_fold(fold, own, online=True) if learning == "online" else inputs
                found[learning] = mixture.log_probabilities(read, rows)[np.arange(len(rows)), targets[rows]]
        return found

    def _folds(self, workers: int) -> Iterator[tuple[int, dict]]:
        """Compute the folds in processes, which share what this one has computed where the system can fork."""
        kind = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        context = multiprocessing.get_context(kind)
        workers = workers or int(hardware()["cores"])
        with ProcessPoolExecutor(workers, context, _begin, (self,)) as pool:
            jobs = {pool.submit(_fold_log_p, fold): fold for fold in range(self.folds.max() + 1)}
            for done, job in enumerate(as_completed(jobs), 1):
                print(f"\rfold {done} of {len(jobs)}", end="\n" if done == len(jobs) else "", file=sys.stderr)
                yield jobs[job], job.result()


_bench: Bench | None = None


def _begin(bench: Bench) -> None:
    global _bench  # noqa: PLW0603 - one bench for each process
    _bench = bench


def _fold_log_p(fold: int) -> dict:
    assert _bench is not None
    return _bench.fold_log_p(fold)


if __name__ == "__main__":
    main()

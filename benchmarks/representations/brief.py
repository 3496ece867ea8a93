"""The short tables of the README: encodings by bits per note at equal time, ingredients by what they give."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.representations.entrants import NETWORKS, REPRESENTATIONS, Entrant
from benchmarks.representations.results import Record
from benchmarks.representations.tables import (
    NONE,
    Runs,
    ablation,
    by_entrant,
    cores,
    middle,
    runs_of,
    settings,
    sooner,
    spread,
    table,
    target_of,
)

PAGE = "benchmarks/representations/README.md"


def brief(records: Sequence[Record]) -> str:
    """Make both tables, from the settings in which most took part."""
    groups = [[r for r in group if r["kind"] == "run"] for group in settings(records)]
    timed = [by_entrant(group) for group in groups if group[0]["job"]["minutes"]]
    counted = [by_entrant(group) for group in groups if group[0]["job"]["updates"]]
    parts = [_encodings(max(timed, key=len))] if timed else []
    parts += [_ingredients(max(counted, key=lambda runs: len(ablation(runs))))] if counted else []
    return "\n\n".join(parts)


def _encodings(runs: Runs) -> str:
    first = next(iter(runs.values()))[0]
    job, hardware = first["job"], first["hardware"]
    where = ", ".join(f"{name} {value}" for name, value in hardware.items() if name != "cores")
    target, rows = target_of(runs), []
    for name, encoding in REPRESENTATIONS.items():
        found = {kind: runs_of(runs, Entrant(name, encoding, network)) for kind, network in NETWORKS.items()}
        if any(found.values()):
            rows.append({"encoding": name, **_bits(found), **_clock(next(filter(None, found.values())), target)})
    head = (
        f"Every encoding with the same tunes, weights and at most {60 * job['minutes']:g} seconds of training on "
        f"{cores(job['threads'])} ({job['corpus']} corpus, test tunes, median of seeds, least to most; {where}; "
        f"more in `{PAGE}`). The plain grid pays for neither metre nor end."
    )
    return f"{head}\n\n{table(rows)}"


def _bits(found: dict[str, list[Record]]) -> dict[str, str]:
    """Format the bits per note with each network."""
    return {
        f"bits per note, {kind}": spread([r["test"]["bits_per_note"] for r in runs], 2) if runs else NONE
        for kind, runs in found.items()
    }


def _clock(runs: Sequence[Record], target: float | None) -> dict[str, str]:
    """Format size and speed of the first network's runs."""
    return {
        "tokens per note": middle([r["test"]["tokens"] / r["test"]["notes"] for r in runs], 2),
        "seconds": middle([r["seconds"] for r in runs], 0),
        "seconds to `grid`'s best": sooner(runs, target),
        "notes/s, played": middle([r["playing"]["notes_per_second"] for r in runs], 0),
    }


def _ingredients(runs: Runs) -> str:
    job = next(iter(runs.values()))[0]["job"]
    rows = [
        {"ingredient": row["ingredient"], "added to": row["without"], "bits per note gained": row["gain"]}
        for row in ablation(runs)
    ]
    return f"What each ingredient gives after {job['updates']} updates, all else being equal:\n\n{table(rows)}"

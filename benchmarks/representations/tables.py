"""Results as Markdown: what each representation reaches and composes, what each ingredient gives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from statistics import median, median_low
from typing import Any

from benchmarks.representations.entrants import ABLATION, ENTRANTS, Entrant
from benchmarks.representations.reasons import REASONS
from benchmarks.representations.results import Record, setting_of

from ritornello.encoding import make_encoding
from ritornello.training.plan import Setting, TrainOptions, make_plan

MARKS = ("<!-- representations: made by python -m benchmarks.representations -->", "<!-- /representations -->")
TWICE = 2.0  # how far beyond the halves of people's tunes a statistic may lie
NONE = "–"

Runs = dict[str, list[Record]]


def markdown(records: Sequence[Record]) -> str:
    """Make all tables of the records, those of one corpus and length of training together."""
    return "\n\n".join(_section(group) for group in settings(records))


def settings(records: Sequence[Record]) -> list[list[Record]]:
    """Group the records by corpus and length of training, in the order of their first runs."""
    found = {json.dumps(setting_of(r)): setting_of(r) for r in records if r["kind"] == "run"}
    return [[r for r in records if setting_of(r) == setting] for setting in found.values()]


def _section(records: Sequence[Record]) -> str:
    people = next((r["people"] for r in records if r["kind"] == "people"), None)
    runs = by_entrant([r for r in records if r["kind"] == "run"])
    parts = [_head(records, people), _reached(runs)]
    parts += [_tunes(runs, people)] if people and records[-1]["job"]["tunes"] else []
    parts += [table(ablation(runs))]
    return "\n\n".join(part for part in parts if part)


def _head(records: Sequence[Record], people: dict[str, Any] | None) -> str:
    """Describe what all rows have in common."""
    first = next(r for r in records if r["kind"] == "run")
    job, hardware = first["job"], first["hardware"]
    length = f"{job['minutes']:g} minutes" if job["minutes"] else f"{job['updates']:,} updates"
    seeds = sorted({r["job"]["seed"] for r in records if r["kind"] == "run"})
    where = ", ".join(f"{name} {value}" for name, value in hardware.items() if name != "cores")
    sentences = [
        f"**{job['corpus'].capitalize()} corpus, {length} on {cores(job['threads'])}.** {job['shared']}.",
        f"Medians of seeds {', '.join(map(str, seeds))} (least to most). {where}.",
        "Bits per note: all that is needed to write a test tune's notes and its end, from nothing; metre, key "
        "and whatever else the tokens say is paid for. Inputs beside the tokens follow from the tokens before "
        "them and cost nothing.",
    ]
    sentences += [] if job["minutes"] else [_of_an_update()]
    if any("plain" in r["job"]["encoding"] for r in records if r["kind"] == "run"):
        sentences.append("The plain grid pays for neither metre nor end: its bits are not comparable.")
    busy = sum(is_busy(r) for r in records if r["kind"] == "run")
    if busy and job["minutes"]:
        sentences.append(f"**{busy} runs shared the machine with others: not to be published.**")
    return " ".join(sentences)


def _of_an_update() -> str:
    plan = make_plan(TrainOptions(updates=1), 1, Setting("torch", "cpu", "fp32", 1))
    return (
        f"An update holds {plan.streams} x {plan.bptt_steps} groups (a token, or a pitch with its length), so that "
        "an encoding with fewer tokens per note sees more notes in it."
    )


def is_busy(record: Record) -> bool:
    """Test whether other programs were at work on the machine when the run began."""
    return record["load"] > record["job_count"] * record["job"]["threads"] + 0.7


def cores(count: int) -> str:
    """Write a number of cores in words."""
    return "one core" if count == 1 else f"{count} cores"


def by_entrant(records: Sequence[Record]) -> Runs:
    """Group runs by entrant."""
    runs: Runs = {}
    for record in records:
        runs.setdefault(_key(record["job"]["encoding"], record["job"]["network"]), []).append(record)
    return runs


def _key(encoding: dict[str, Any], network: dict[str, Any]) -> str:
    return json.dumps([encoding, network], sort_keys=True)


def runs_of(runs: Runs, entrant: Entrant) -> list[Record]:
    """Return an entrant's runs."""
    return runs.get(_key(entrant.encoding, entrant.network), [])


def _reached(runs: Runs) -> str:
    """Make the main table."""
    target = target_of(runs)
    rows = []
    for entrant in ENTRANTS:
        if not (found := runs_of(runs, entrant)):
            continue
        test = [r["test"] for r in found]
        row = {
            "encoding, network": entrant.name,
            "bits per note": spread([t["bits_per_note"] for t in test], 3),
            "bits per quarter": middle([t["bits_per_quarter"] for t in test], 3),
            "tokens per note": middle([t["tokens"] / t["notes"] for t in test], 2),
            "weights": f"{found[0]['weights']:,}",
            "updates": middle([r["updates"] for r in found], 0),
        }
        rows.append(row | (_times(found, target) if found[0]["job"]["minutes"] else {}))
    return table(rows)


def _times(found: Sequence[Record], target: float | None) -> dict[str, str]:
    """Format the times of an entrant's runs; only where time was the limit was the machine theirs alone."""
    return {
        "seconds": middle([r["seconds"] for r in found], 0),
        "seconds to `grid`'s best": sooner(found, target),
        "notes/s": middle([r["playing"]["notes_per_second"] for r in found], 0),
        "us per step": middle([r["playing"]["us_per_step"] for r in found], 0),
    }


def target_of(runs: Runs) -> float | None:
    """Find the validation bits per note that the best of the exercise's settings reaches, if any."""
    finals = [
        median(min(bits for *_, bits in r["curve"]) for r in found)
        for entrant in ENTRANTS
        if entrant.is_reference and (found := runs_of(runs, entrant))
    ]
    return min(finals, default=None)


def sooner(records: Sequence[Record], target: float | None) -> str:
    """Format the seconds until runs reach `target` on validation; "≤" where the first check did."""
    encoding = make_encoding(**records[0]["job"]["encoding"])
    if target is None or encoding.end is None:
        return NONE
    reached = [seconds_to(r["curve"], target) for r in records]
    times = sorted(math.inf if t is None else t for t in reached)
    if math.isinf(median_low(times)):
        return "never"
    bound = "≤ " if any(r["curve"][0][2] <= target for r in records) else ""
    words = [f"{t:,.0f}" if math.isfinite(t) else "never" for t in (median_low(times), times[0], times[-1])]
    return bound + (words[0] if len(times) == 1 else f"{words[0]} ({words[1]} to {words[2]})")


def seconds_to(curve: Sequence[Sequence[float]], target: float) -> float | None:
    """Interpolate when a falling curve of [update, seconds, bits] reaches the target."""
    before: Sequence[float] | None = None
    for point in curve:
        _, seconds, bits = point
        if bits <= target:
            if before is None or before[2] <= bits:
                return seconds
            return before[1] + (seconds - before[1]) * (before[2] - target) / (before[2] - bits)
        before = point
    return None


def _tunes(runs: Runs, people: dict[str, Any]) -> str:
    """Make the table of the composed tunes."""
    halves = people["halves"]
    named = _known_names(runs)
    rows = []
    for name, found in named:
        composed = [r["composed"] for r in found]
        if None in composed:  # without form there are no bars to compose in
            continue
        distances = _distances(found)
        rows.append(
            {
                "composed by": name,
                "well formed (least)": f"{100 * min(c['well_formed'] for c in composed):.1f} %",
                **{_words(s): _beside(distances[s], halves[s]) for s in halves},
                "longest shared run: median, largest": _run(composed),
            }
        )
    run = people["longest_shared_run"]
    rows.append(
        {
            "composed by": "people, one half beside the other",
            "well formed (least)": NONE,
            **{_words(s): f"{halves[s]:.3f}" for s in halves},
            "longest shared run: median, largest": f"{run['median']}, {run['largest']}",
        }
    )
    job = next(iter(runs.values()))[0]["job"]
    bars = ", ".join(map(str, people["bars"]))
    head = (
        f"{job['tunes']} tunes of each run at temperature 1, top-p {job['top_p']:g}, of {bars} bars, beside "
        f"{people['tunes']} validation and test tunes of people: divergence in bits of intervals, durations and "
        "ranges, difference of shares for the rest. Bold: over twice the distance of two halves of people's own "
        "tunes."
    )
    return "\n\n".join(part for part in (head, table(rows), _reasons(runs, halves)) if part)


def _distances(found: Sequence[Record]) -> dict[str, float]:
    """Return the median of the runs by statistic."""
    composed = [r["composed"]["distances"] for r in found]
    return {statistic: median(c[statistic] for c in composed) for statistic in composed[0]}


def _reasons(runs: Runs, halves: dict[str, float]) -> str:
    """Explain why the tunes of the best entrant lie far from people's, statistic by statistic."""
    paying = [e for e in ENTRANTS if runs_of(runs, e) and not e.encoding.get("plain")]
    if not paying:
        return ""
    winner = min(paying, key=lambda e: median(r["test"]["bits_per_note"] for r in runs_of(runs, e)))
    distances = _distances(runs_of(runs, winner))
    reasons = [
        f"- {_words(s)}: {REASONS.get(s, 'no reason is known')}." for s in halves if _is_far(distances[s], halves[s])
    ]
    return "\n".join([f"Why those of {winner.name} lie far from people's:", "", *reasons]) if reasons else ""


def _known_names(runs: Runs) -> list[tuple[str, list[Record]]]:
    entrants = [*ENTRANTS, *(e for row in ABLATION for e in (row.without, row.entrant))]
    names: dict[str, str] = {}
    for entrant in entrants:
        names.setdefault(_key(entrant.encoding, entrant.network), entrant.name)
    return [(name, runs[key]) for key, name in names.items() if key in runs]


def ablation(runs: Runs) -> list[dict[str, str]]:
    """Measure what each ingredient gives, all else being equal, row by row."""
    rows = []
    for row in ABLATION:
        with_it, without = (runs_of(runs, e) for e in (row.entrant, row.without))
        seeds = {r["job"]["seed"]: r["test"]["bits_per_note"] for r in without}
        gains = [seeds[s] - r["test"]["bits_per_note"] for r in with_it if (s := r["job"]["seed"]) in seeds]
        if gains:
            rows.append(
                {
                    "ingredient": row.name,
                    "without": row.without.name,
                    "with": row.entrant.name,
                    "bits per note": middle([r["test"]["bits_per_note"] for r in with_it], 3),
                    "gain": spread(gains, 3, sign="+"),
                }
            )
    return rows


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write rows with the same keys as Markdown; nothing for none."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    return "\n".join([*lines, *("| " + " | ".join(row.values()) + " |" for row in rows)])


def _run(composed: Sequence[dict[str, Any]]) -> str:
    runs = [c["longest_shared_run"] for c in composed]
    return f"{median(r['median'] for r in runs):g}, {max(r['largest'] for r in runs)}"


def _beside(distance: float, half: float) -> str:
    return f"**{distance:.3f}**" if _is_far(distance, half) else f"{distance:.3f}"


def _is_far(distance: float, half: float) -> bool:
    return distance > TWICE * half


def _words(statistic: str) -> str:
    return statistic.replace("repeats_", "repeats at bar ").replace("_", " ")


def middle(values: Sequence[float], digits: int) -> str:
    """Format the median."""
    return f"{median(values):,.{digits}f}"


def spread(values: Sequence[float], digits: int, sign: str = "") -> str:
    """Format the median, and the least and the most."""
    written: Callable[[float], str] = lambda value: f"{value:{sign},.{digits}f}"  # noqa: E731 - three times the same
    if len(values) == 1:
        return written(values[0])
    return f"{written(median(values))} ({written(min(values))} to {written(max(values))})"

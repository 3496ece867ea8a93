"""Sum what voters answered: for each model the share of its pairs that it won, with an interval.

A pair without a difference counts half for either. Experts are counted apart from the others: they may like
other things. Intervals are by bootstrap over voters, who are drawn with all their answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ritornello.evaluate.intervals import bootstrap
from ritornello.reports.vote.page import FORMAT, QUESTIONS

WON = {"a": 1.0, "same": 0.5, "b": 0.0}
LARGEST = 4_000_000  # bytes of a voter's file

Ballot = Mapping[str, Any]


def read_ballot(path: str | Path) -> dict[str, Any]:
    """Read the file of a voter.

    Raises ValueError that names the file where it is none, OSError where it cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    try:
        ballot = json.loads(content)
        if ballot["format"] != FORMAT:
            raise ValueError("its format is another one")
        models = {str(name) for name in ballot["models"]}
        for answer in ballot["answers"]:
            if answer["a"] not in models or answer["b"] not in models or answer["a"] == answer["b"]:
                raise ValueError("a model that is not in the vote")
            if any(answer[question] not in WON for question in QUESTIONS):
                raise ValueError("an answer that the page does not offer")
        if not (isinstance(ballot["expert"], bool) and isinstance(ballot["voter"], str) and ballot["vote"]):
            raise ValueError("no voter")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path}: not the file of a voter, which the page of a vote saves; leave it out") from None
    return ballot


def count_ballots(ballots: Sequence[Ballot]) -> dict[str, Any]:
    """Sum the answers of voters, for all of them, for experts and for the others.

    A voter who comes twice counts once, with the longest list of answers.
    Returns voters, experts, again (files that counted for nothing, since the voter is in another), and under
    groups, by "all", "experts" and "others", for each question and model: `pairs`, `share` (0 to 1; None without
    pairs) and `interval` (95 %; None of fewer than two voters).
    Raises ValueError where there is none, or where they are of different votes.
    """
    if not ballots:
        raise ValueError("there is no voter's file to count")
    if len({ballot["vote"] for ballot in ballots}) > 1:
        raise ValueError("these files are of different votes (the page was made anew between them): count each alone")
    voters: dict[str, Ballot] = {}
    for ballot in sorted(ballots, key=lambda b: len(b["answers"])):
        voters[ballot["voter"]] = ballot
    every = sorted(voters.values(), key=lambda b: b["voter"])
    models = sorted({name for ballot in every for name in ballot["models"]})
    groups = {
        "all": every,
        "experts": [b for b in every if b["expert"]],
        "others": [b for b in every if not b["expert"]],
    }
    sums = {name: {q: {m: _share(group, q, m) for m in models} for q in QUESTIONS} for name, group in groups.items()}
    return {
        "voters": len(every),
        "experts": len(groups["experts"]),
        "again": len(ballots) - len(every),
        "groups": sums,
    }


def _share(ballots: Sequence[Ballot], question: str, model: str) -> dict[str, Any]:
    """Compute the share of its pairs that a model won, and its interval over voters."""
    won, pairs = [], []
    for ballot in ballots:
        scores = [
            WON[answer[question]] if answer["a"] == model else 1 - WON[answer[question]]
            for answer in ballot["answers"]
            if model in (answer["a"], answer["b"])
        ]
        if scores:
            won.append(sum(scores))
            pairs.append(len(scores))
    if not pairs:
        return {"pairs": 0, "share": None, "interval": None}
    [interval] = bootstrap([won], pairs).rates
    return {"pairs": sum(pairs), "share": sum(won) / sum(pairs), "interval": interval}

"""ritornello vote: a page of blind pairs from a class's models, and the sums of the answers."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace, late_bar
from ritornello.plural import counted


def vote(
    *places: str,
    count: Annotated[bool, Parameter(negative=())] = False,
    out: Out = "vote.html",
    pairs: int | None = None,
    tunes: int = 2,
    bars: int = 8,
    seed: int = 1,
    style: str = api.VOTE_STYLE,
    title: str = "Which tune do you like?",
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make one offline page that compares the models of a folder by ear, in blind pairs.

    Voters are asked which tune they like better and which is nearer to a style. Each saves a file; --count sums them:
    the share of its pairs that each model won, for experts apart, with intervals over voters.

    Example: ritornello vote class-models -o vote.html

    Example: ritornello vote --count vote-*.json

    Parameters
    ----------
    places
        A folder of models (run folders, or .safetensors files); with --count, the voters' files or their folder.
    count
        Sum the files that voters saved.
    out
        The page to write.
    pairs
        How many pairs each voter hears; without it, so many that each model is heard once or twice.
    tunes
        How many tunes of each model there are to hear.
    bars
        How long they are.
    seed
        Random seed of composing.
    style
        What the tunes should be like: it ends the question "Which of the two is nearer to ...?".
    title
        The heading of the page.
    """
    console = Console(quiet, as_json)
    if not places:
        raise ValueError("name a folder of models, or with --count the files that voters saved")
    if count:
        sums = api.count_votes(places)
        console.result(sums, _sums_in_words(sums, console))
        return
    if len(places) > 1:
        raise ValueError("a vote is made from one folder of models; --count sums several files")
    with late_bar("composing", sys.stderr, is_wanted=not quiet) as on_progress:
        value = api.vote(places[0], out, pairs, tunes, bars, seed, style, title, console.warn, on_progress, replace)
    words = f"{counted(len(value['models']), 'model')}, {counted(value['pairs'], 'pair')} for each voter"
    console.result(value, f"{value['page']}: {words}; it works without a network: hand it on as a file")


def _sums_in_words(sums: dict[str, Any], console: Console) -> str:
    """Write the sums as tables, one for each group that has voters."""
    again = f"; {counted(sums['again'], 'file')} of a voter who is in another not counted" if sums["again"] else ""
    lines = [f"{counted(sums['voters'], 'voter')}, {counted(sums['experts'], 'expert')}{again}"]
    both = 0 < sums["experts"] < sums["voters"]
    for group in ("all", "experts", "others") if both else ("all",):
        liking, style = sums["groups"][group]["liking"], sums["groups"][group]["style"]
        order = sorted(liking, key=lambda name: (-(liking[name]["share"] or 0), name))
        rows = [[m, str(liking[m]["pairs"]), *map(_share, (liking[m], style[m]))] for m in order]
        lines += ["", console.table([group, "pairs", "liked better", "nearer in style"], rows)]
    return "\n".join(lines)


def _share(figures: dict[str, Any]) -> str:
    """Write a share and its interval: "62% (48 to 75)"."""
    if figures["share"] is None:
        return "-"
    words = f"{figures['share']:.0%}"
    if figures["interval"]:
        low, high = figures["interval"]
        words += f" ({100 * low:.0f} to {100 * high:.0f})"
    return words

"""ritornello demo: the whole story on the embedded corpus, in under two minutes on two cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ritornello import api
from ritornello.cli.console import AsJson, Console, Out, Quiet, Replace

if TYPE_CHECKING:
    from ritornello.api import OpenRun


def demo(
    *,
    out: Out = "demo",
    minutes: float = api.DEMO_MINUTES,
    melodies: Annotated[int, Parameter(name=["--number", "-n"])] = 4,
    seed: int = 1,
    replace: Replace = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train on the embedded hymns and songs, compose melodies, and make a page of them.

    The page shows the melodies and plays them.

    Example: ritornello demo -o demo

    Parameters
    ----------
    out
        The folder to write; open its index.html.
    minutes
        The most time that training may take.
    melodies
        How many melodies to compose.
    seed
        Random seed of training and composing.
    """
    from ritornello.cli.train_screen import describe_plan, show_checks

    console = Console(quiet, as_json)
    if melodies < 1:
        raise ValueError(f"-n must be 1 or more, not {melodies}")

    def show(run: OpenRun) -> None:
        assert run.training is not None
        console.say(describe_plan(run.training.plan))
        show_checks(console, run, run.training)

    value = api.demo(out, minutes, melodies, seed, console.say, show, replace)
    console.result(value, f"{value['page']}: open it in a browser ({value['seconds']:.0f} s)")

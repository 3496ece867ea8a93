"""All verbs, put together into the command."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, get_args

from cyclopts import App, Parameter, Token, convert

from ritornello.cli.corpus.build import build
from ritornello.cli.corpus.explain import explain
from ritornello.cli.corpus.export import export
from ritornello.cli.corpus.samples import samples
from ritornello.cli.corpus.show import show
from ritornello.cli.demo import demo
from ritornello.cli.evaluate import evaluate
from ritornello.cli.generate import generate
from ritornello.cli.render import render
from ritornello.cli.runs import runs
from ritornello.cli.train import train
from ritornello.version import VERSION


def exact(wanted: Any, tokens: Sequence[Token]) -> Any:
    """Convert words as cyclopts does, but refuse a fraction where a whole number belongs.

    Cyclopts alone would round 2.5 to 2 in silence. Raises ValueError, to which it adds the option's name.
    """
    members = get_args(wanted) or (wanted,)
    if int in members and float not in members:
        for token in tokens:
            value = 0.0
            with suppress(ValueError):  # no number at all: cyclopts has words for that
                value = float(token.value)
            if value % 1:  # also of infinity, whose remainder is NaN
                raise ValueError(f"a whole number is needed here, not {token.value}")
    return convert(wanted, tokens)


app = App(
    name="ritornello",
    help="Train a small recurrent network on your own tunes, in minutes; see, hear, steer and play what it learned.",
    version=VERSION,
    suppress_keyboard_interrupt=False,  # `main` has words for it
    default_parameter=Parameter(converter=exact),
)
corpus_app = App(name="corpus", help="Make a corpus of tunes, and look at one.")
app.command(corpus_app)
for corpus_verb in (build, show, explain, export, samples):
    corpus_app.command(corpus_verb)
for verb in (demo, train, runs, generate, evaluate, render):
    app.command(verb)

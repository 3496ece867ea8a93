"""All verbs, put together into the command."""

from __future__ import annotations

from cyclopts import App, Parameter

from ritornello.cli.console import exact
from ritornello.cli.corpus.build import build
from ritornello.cli.corpus.explain import explain
from ritornello.cli.corpus.export import export
from ritornello.cli.corpus.samples import samples
from ritornello.cli.corpus.show import show
from ritornello.cli.demo import demo
from ritornello.cli.evaluate import evaluate
from ritornello.cli.jam import jam, ports
from ritornello.cli.kit import kit
from ritornello.cli.play import play
from ritornello.cli.render import render
from ritornello.cli.runs import runs
from ritornello.cli.train import train
from ritornello.cli.tunes.generate import generate
from ritornello.cli.tunes.harmonise import harmonise
from ritornello.cli.tunes.rewrite import rewrite
from ritornello.cli.vote import vote
from ritornello.version import VERSION

app = App(
    name="ritornello",
    help="Train a small recurrent network on your own tunes, in minutes; see, hear, steer and play what it learned.",
    version=VERSION,
    suppress_keyboard_interrupt=False,  # `main` has words for it
    default_parameter=Parameter(
        converter=exact,
        show_default=lambda value: None if value is None or value is False or value == "" else str(value),
    ),
)
corpus_app = App(name="corpus", help="Make a corpus of tunes, and look at one.")
app.command(corpus_app)
for corpus_verb in (build, show, explain, export, samples):
    corpus_app.command(corpus_verb)
for verb in (demo, train, runs, generate, rewrite, harmonise, evaluate, render, play, jam, ports, vote, kit):
    app.command(verb)

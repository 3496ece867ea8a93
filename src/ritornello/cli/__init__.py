"""The command: one file per verb, each importing what it needs when it runs.

Exit status 0, 1 (it failed, one clear line) or 2 (bad usage).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from ritornello.cli.corpus_build import build
from ritornello.cli.corpus_explain import explain
from ritornello.cli.corpus_export import export
from ritornello.cli.corpus_samples import samples
from ritornello.cli.corpus_show import show
from ritornello.cli.demo import demo
from ritornello.cli.evaluate import evaluate
from ritornello.cli.generate import generate
from ritornello.cli.render import render
from ritornello.cli.runs import runs
from ritornello.cli.train import train
from ritornello.cli.whole import exact
from ritornello.version import VERSION

app = App(
    name="ritornello",
    help="Train a small recurrent network on your own tunes, in minutes; see, hear, steer and play what it learned.",
    version=VERSION,
    suppress_keyboard_interrupt=False,  # `main` has words for it
    default_parameter=Parameter(converter=exact),
)
corpus_app = App(name="corpus", help="Make a corpus of tunes, and look at one.")
app.command(corpus_app)
corpus_app.command(build)
corpus_app.command(show)
corpus_app.command(explain)
corpus_app.command(export)
corpus_app.command(samples)
for verb in (demo, train, runs, generate, evaluate, render):
    app.command(verb)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; never raises for what a user did."""
    try:
        result = app(
            list(sys.argv[1:] if argv is None else argv),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return _failed(f"{error} (try --help)", 2)
    except KeyboardInterrupt as error:
        return _failed(str(error) or "interrupted; what was finished is kept", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error), 1)
    except (ValueError, ImportError, ArithmeticError) as error:
        return _failed(str(error), 1)
    return result if isinstance(result, int) else 0


def entry() -> None:
    """The console script."""
    raise SystemExit(main())


def _failed(message: str, status: int) -> int:
    print(f"ritornello: {' '.join(message.split())}", file=sys.stderr)
    return status

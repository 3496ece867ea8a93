"""The command: one file per verb, each importing what it needs when it runs.

Exit status 0, 1 (it failed, one clear line), 2 (bad usage) or 130 (interrupted, as shells have it).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ritornello.cli.interruption import lasting_interrupts
from ritornello.wording import on_the_command_line

if TYPE_CHECKING:
    from cyclopts import CycloptsError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
OUT_OF_MEMORY = ("allocate memory", "out of memory")  # of PyTorch, which says it by a RuntimeError
LESS = "ask for less at once (in training a smaller --preset, or fewer --streams or --bptt-steps)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; never raises for what a user did."""
    try:
        with lasting_interrupts():
            from cyclopts import CycloptsError

            from ritornello.cli.verbs import app
    except KeyboardInterrupt:  # the verbs take a moment to load
        return _failed("interrupted before it began", INTERRUPTED)
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        with on_the_command_line(), lasting_interrupts():
            app(words, exit_on_error=False, print_error=False, result_action="return_value")
            sys.stdout.flush()
    except CycloptsError as error:
        return _failed(f"{_usage(error)} (try --help)", 2)
    except KeyboardInterrupt as error:
        return _failed(str(error) or "interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error), 1)
    except (ValueError, ImportError, ArithmeticError) as error:
        return _failed(str(error), 1)
    except (MemoryError, RuntimeError, SystemError) as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Python wraps one that falls into the making of a class
            return _failed("interrupted", INTERRUPTED)
        if not (isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)):
            raise
        return _failed(f"out of memory: {LESS}", 1)
    return 0


def _usage(error: CycloptsError) -> str:
    """Say what was wrong with the words of a command, and which option was meant."""
    from cyclopts import MissingArgumentError, UnknownOptionError, UnusedCliTokensError

    from ritornello.api.options import meant

    if isinstance(error, MissingArgumentError) and error.argument:
        return f"{error.keyword} needs a value" if error.keyword else f"missing {error.argument.name}"
    if isinstance(error, UnusedCliTokensError):
        return f"there is a word too many: {' '.join(error.unused_tokens or ())}"
    if not isinstance(error, UnknownOptionError):
        return str(error)
    word = error.token.keyword or error.token.value or ""
    if not word.startswith("--"):
        return str(error)
    names = [name for argument in error.argument_collection for name in argument.names if name.startswith("--")]
    options = {name[2:].replace("-", "_"): name for name in names}
    word = word.split("=")[0]
    if word[2:].upper() in [argument.name for argument in error.argument_collection]:
        return f"there is no option {word}: put its value right behind the command, without {word}"
    found = options.get(meant(word[2:].replace("-", "_"), [*options]))
    return f"there is no option {word}" + (f"; did you mean {found}?" if found else "")


def entry() -> None:
    """Run the console script.

    One of several ranks is left without tearing the interpreter down: gloo's threads can abort one that ends under
    them, now and then, and the launcher would take the run for failed (pytorch/pytorch, pull request 179291). An
    interrupted command is left so too: a library that was half imported may wait for ever at the end.
    """
    status = main()
    if status == INTERRUPTED or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)


def _failed(message: str, status: int) -> int:
    print(f"ritornello: {' '.join(message.split())}", file=sys.stderr)
    return status

"""The command: one file per verb, each importing what it needs when it runs.

Exit status 0, 1 (it failed, one clear line) or 2 (bad usage).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

OUT_OF_MEMORY = ("allocate memory", "out of memory")  # of PyTorch, which says it by a RuntimeError
LESS = "ask for less at once (in training a smaller --preset, or fewer --streams or --bptt-steps)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; never raises for what a user did."""
    try:
        from cyclopts import CycloptsError

        from ritornello.cli.verbs import app
    except KeyboardInterrupt:  # the verbs take a moment to load
        return _failed("interrupted before it began", 1)
    try:
        words = list(sys.argv[1:] if argv is None else argv)
        app(words, exit_on_error=False, print_error=False, result_action="return_value")
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
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)):
            raise
        return _failed(f"out of memory: {LESS}", 1)
    return 0


def entry() -> None:
    """Run the console script.

    One of several ranks is left without tearing the interpreter down: gloo's threads can abort one that ends under
    them, now and then, and the launcher would take the run for failed (pytorch/pytorch, pull request 179291).
    """
    status = main()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)


def _failed(message: str, status: int) -> int:
    print(f"ritornello: {' '.join(message.split())}", file=sys.stderr)
    return status

"""Ctrl-C that is never lost."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PAUSE = 0.02  # seconds until it is raised again, by when whatever dropped it has ended


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C. Unlike Python's own exceptions it takes weak references, so that its end is noticed."""


@contextmanager
def lasting_interrupts() -> Iterator[None]:
    """Raise Ctrl-C again, until it leaves this block.

    Python drops an exception that comes up in the callback of a weak reference, in `__del__` or in a question that
    C code asks (is there such an attribute?), and C code may put another in its place. Imports are full of them.
    In another thread than the main one, or where somebody else handles SIGINT, this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
        yield
        return
    is_over, is_dropped = threading.Event(), threading.Event()
    hook = sys.unraisablehook

    def followed(error: KeyboardInterrupt) -> KeyboardInterrupt:
        weakref.finalize(error, dropped).atexit = False
        return error

    def interrupt(number: int, frame: FrameType | None) -> None:
        is_dropped.clear()
        raise followed(_Interrupted())  # a name for it here would keep it alive by its traceback

    def dropped() -> None:
        if not is_over.is_set():
            is_dropped.set()
            timer = threading.Timer(PAUSE, again)
            timer.daemon = True
            timer.start()

    def again() -> None:
        if not is_over.is_set():
            _send_to_main()

    def report(error: sys.UnraisableHookArgs) -> None:
        if not issubclass(error.exc_type, KeyboardInterrupt):
            hook(error)

    signal.signal(signal.SIGINT, interrupt)
    sys.unraisablehook = report
    try:
        yield
    except Exception:
        if is_dropped.is_set():  # this came in its place
            raise KeyboardInterrupt from None
        raise
    finally:
        is_over.set()
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _send_to_main() -> None:
    """Send SIGINT to the main thread, waking it where it waits, if the system can."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

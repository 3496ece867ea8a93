"""Ctrl-C ends every command with status 130, wherever it falls."""

import contextlib
import ctypes
import gc
import signal
import subprocess
import sys
import time
import weakref

import pytest

from ritornello.cli import main


@pytest.fixture(autouse=True)
def interruptible():
    """Let Ctrl-C interrupt, also where this process was started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press(*_):
    signal.raise_signal(signal.SIGINT)


class Thing:
    pass


class Closing:
    def __del__(self):
        press()


def in_a_callback_of_a_weak_reference():
    thing = Thing()
    reference = weakref.ref(thing, press)
    del thing
    assert reference() is None


def in_a_finaliser():
    closing = Closing()
    del closing
    gc.collect()


def in_a_callback_from_c():
    ctypes.CFUNCTYPE(ctypes.c_int)(press)()


def in_a_broad_except():
    with contextlib.suppress(BaseException):
        press()


def in_many_callbacks():
    for _ in range(3):
        in_a_callback_of_a_weak_reference()


DROPPED = [
    in_a_callback_of_a_weak_reference,
    in_a_finaliser,
    in_a_callback_from_c,
    in_a_broad_except,
    in_many_callbacks,
]


@pytest.mark.parametrize("drop", DROPPED, ids=lambda drop: drop.__name__)
@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("train hymns -o run", "ritornello.api.run.load_corpus"),
        ("generate -o tunes", "ritornello.api.load_model"),
        ("corpus show hymns", "ritornello.api.show_corpus"),
    ],
)
def test_ctrl_c_that_python_drops_is_raised_again(drop, verb, place, monkeypatch, capsys):
    def long_work(*_, **options):
        drop()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            time.sleep(0.01)

    monkeypatch.setattr(place, long_work)
    assert main(verb.split()) == 130
    assert capsys.readouterr().err.startswith("ritornello: interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_in_the_place_of_ctrl_c_is_an_interruption_too(monkeypatch, capsys):
    def replaced(*_, **options):
        in_a_broad_except()
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr("ritornello.api.load_model", replaced)
    assert (main(["generate", "-o", "tunes"]), capsys.readouterr().err) == (130, "ritornello: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT from another program on this system")
def test_an_interrupted_command_does_not_wait_for_what_never_ends():
    program = (
        "import signal, threading, ritornello.api\n"
        "from ritornello.cli import entry\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def work(*_, **options):\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "ritornello.api.load_model = work\n"
        "entry()\n"
    )
    command = [sys.executable, "-c", program, "generate", "-o", "tunes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ritornello: interrupted\n")


def test_what_others_cannot_raise_is_still_shown(monkeypatch, capsys):
    class Faulty:
        def __del__(self):
            raise LookupError("not Ctrl-C")

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: seen.append(error.exc_type))

    def work(*_, **options):
        Faulty()
        raise ValueError("over")

    monkeypatch.setattr("ritornello.api.load_model", work)
    assert main(["generate", "-o", "tunes"]) == 1
    assert seen == [LookupError]

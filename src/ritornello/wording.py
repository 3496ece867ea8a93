"""Options and calls in the words of the face that is used: `bars=8` in Python, `--bars 8` on the command line."""

from __future__ import annotations

import os
import shlex
import string
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FLAGS = {"base": "from", "pitch_range": "range", "formats": "format", "n": "number"}
"""Keywords of Python whose flag has another name."""

CALLS = {
    "explain": ("ritornello corpus explain FILE", "rito.explain_file(FILE)"),
    "save": ("ritornello render FILE -o tune.wav", 'tune.save("tune.wav")'),
    "show": ("ritornello corpus show CORPUS", "rito.show_corpus(CORPUS)"),
}
"""What looks closer, on the command line and in Python."""

_face = SimpleNamespace(is_command=False)


@contextmanager
def on_the_command_line() -> Iterator[None]:
    """Word what is said meanwhile for the command line."""
    before, _face.is_command = _face.is_command, True
    try:
        yield
    finally:
        _face.is_command = before


def by_face(command: str, python: str) -> str:
    """Choose between words for the command line and words for Python."""
    return command if _face.is_command else python


def option(name: str, value: Any = None) -> str:
    """Name an option, with a value or without (None): `bars=`, `bars=8`, `--bars 8`."""
    if value is None or value is True:
        return by_face(flag_of(name), f"{name}={'' if value is None else value}")
    return by_face(f"{flag_of(name)} {as_argument(value)}", f"{name}={_literal(value)}")


def flag_of(name: str) -> str:
    """Return the flag of a keyword: "--bars"."""
    return f"--{FLAGS.get(name, name).replace('_', '-')}"


def as_command(options: Mapping[str, Any]) -> str:
    """Write options as of a command, whatever the face: `--bars 8 --chords "C | G7"`."""
    words = [flag_of(name) + ("" if value is True else f" {_quoted(value)}") for name, value in options.items()]
    return " ".join(words)


def as_keywords(options: Mapping[str, Any]) -> str:
    """Write options as those of a call, whatever the face: `bars=8, chords="C | G7"`."""
    return ", ".join(f"{name}={_literal(value)}" for name, value in options.items())


def call(name: str) -> str:
    """Write one of CALLS between backquotes."""
    return f"`{by_face(*CALLS[name])}`"


def options_named(names: Iterable[str]) -> str:
    """Name several options: `bars= and key=`."""
    return " and ".join(map(option, names))


def filled(template: str, *values: Any) -> str:
    """Name the options in a template, and put values in.

    "{keep:all}" is option("keep", "all"), "{explain}" call("explain"), "{0}" the first value.
    """
    return string.Formatter().vformat(template, values, _Options())


def as_argument(value: Any) -> str:
    """Quote a value, such as a file name, for a command line, where that needs it."""
    if os.name != "nt":
        return shlex.quote(str(value))
    from subprocess import list2cmdline  # its rules are those of Windows: no single quotes

    return list2cmdline([str(value)])


def _quoted(value: Any) -> str:
    """Write a value for any shell, in double quotes where it needs them."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if {*text} & {*" '|;&<>()$*\\"} else text


def _literal(value: Any) -> str:
    """Write a value as in Python, a text in double quotes."""
    if not isinstance(value, str | Path):
        return f"{value:g}" if isinstance(value, float) else str(value)
    text = str(value)
    return repr(text) if {'"', "\\"} & {*text} or not text.isprintable() else f'"{text}"'


def _value(text: str) -> Any:
    """Read the value of an option in a template; None where there is none."""
    return True if text == "True" else int(text) if text.isdecimal() else text or None


class _Options(Mapping[str, "_Named"]):
    """Options by name, for templates."""

    def __getitem__(self, name: str) -> _Named:
        return _Named(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _Named(str):
    """An option that is written with the value behind its colon, or one of CALLS."""

    __slots__ = ()

    def __format__(self, value: str) -> str:
        return call(self) if self in CALLS else option(str(self), _value(value))

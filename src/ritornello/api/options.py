"""Keyword options from dataclasses: seen in a function's signature and help, checked by name when it is called."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


def checked(function: Function) -> Function:
    """Answer an unknown keyword with a TypeError that names the nearest one."""
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        _check_names(function, named, known)
        return function(*arguments, **named)

    return cast(Function, call)


def takes(**classes: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function the fields of dataclasses as keywords.

    classes: by the name of the parameter that gets the dataclass made of them. The fields stand in
    `inspect.signature` and, with their docstrings, in `help`. A caller may also hand over a whole dataclass by that
    name. A keyword that there is not raises TypeError with the nearest one.
    """
    home = {field.name: name for name, cls in classes.items() for field in fields(cls)}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = [parameter for name, parameter in signature.parameters.items() if name not in classes]
        known = [parameter.name for parameter in own if parameter.name != "self"] + list(home)

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            whole = {name: named.pop(name) for name in classes if name in named}
            parts: dict[str, dict[str, Any]] = {name: {} for name in classes}
            for name in [name for name in named if name in home]:
                parts[home[name]][name] = named.pop(name)
            _check_names(function, named, known)
            for name in whole:
                if parts[name]:
                    raise TypeError(f"{name} holds {', '.join(parts[name])} already: leave one of them out")
            return function(*arguments, **named, **{n: whole.get(n) or cls(**parts[n]) for n, cls in classes.items()})

        options = [parameter for cls in classes.values() for parameter in _parameters(cls)]
        call.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        notes = "\n".join(_describe_fields(cls) for cls in classes.values())
        call.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\noptions:\n{notes}"
        return call

    return decorate


MEANT = {
    "alpha": "peak_rate",
    "batch": "streams",
    "batch_size": "streams",
    "beats_per_minute": "qpm",
    "bpm": "qpm",
    "count": "number n",
    "duration": "minutes bars",
    "epoch": "updates minutes",
    "epochs": "updates minutes",
    "file": "out",
    "gpu": "device",
    "hidden": "preset",
    "hidden_size": "preset",
    "initial": "primer",
    "instrument": "program",
    "iterations": "updates",
    "layers": "preset",
    "learning_rate": "peak_rate",
    "length": "bars minutes",
    "lr": "peak_rate",
    "max": "highest",
    "max_pitch": "highest",
    "measures": "bars",
    "meter": "metre",
    "min": "lowest",
    "min_pitch": "lowest",
    "mode": "scale key",
    "n": "number",
    "network": "preset",
    "nucleus": "top_p",
    "num": "number n",
    "num_steps": "updates bars",
    "number": "n",
    "output": "out",
    "overwrite": "replace",
    "force": "replace",
    "pretrained": "base from",
    "prompt": "primer",
    "randomness": "temperature",
    "rate": "peak_rate",
    "sampling": "temperature",
    "seconds": "minutes bars",
    "seq_length": "bptt_steps",
    "sequence_length": "bptt_steps",
    "size": "preset",
    "speed": "qpm",
    "steps": "updates bars",
    "temp": "temperature",
    "tempo": "qpm",
    "time": "minutes bars",
    "time_signature": "metre",
    "timesig": "metre",
    "tonic": "key",
    "velocity": "flat",
    "verbose": "quiet",
}
"""What other programs call an option: the names of ours that mean it, where a verb has them."""


def _check_names(function: Callable[..., Any], named: Iterable[str], known: Sequence[str]) -> None:
    """Raise TypeError, with the nearest known one, for a keyword that a function does not take."""
    for name in named:
        if name not in known:
            raise TypeError(f"{function.__name__} has no option {nearest(name, known)}")


def nearest(name: str, known: Sequence[str]) -> str:
    """Find the known name that an unknown one means, or is most like, and write both."""
    found = meant(name, known)
    return f"{name}; did you mean {found}?" if found else f"{name}; there are {', '.join(known)}"


def meant(name: str, known: Sequence[str]) -> str:
    """Find the known name that an unknown one means, or is most like; empty where there is none."""
    from difflib import get_close_matches

    alike = get_close_matches(name, known, 1, 0.8)
    same = [option for option in MEANT.get(name, "").split() if option in known]
    return next(iter([*alike, *same, *get_close_matches(name, known, 1)]), "")


def _parameters(cls: type) -> list[inspect.Parameter]:
    """Make a keyword parameter of each field."""
    none = inspect.Parameter.empty
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=none if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(cls)
    ]


def _describe_fields(cls: type) -> str:
    """List the fields of a dataclass with their defaults and the strings below them.

    The strings are left out where the source is not at hand.
    """
    notes, lines, edge = {}, [], 8 * " "
    with suppress(OSError):
        tree = ast.parse(Path(inspect.getfile(cls)).read_text("utf-8"))
        [body] = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__]
        for field, below in zip(body, body[1:]):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                    notes[name] = " ".join(note.split())
    for parameter in _parameters(cls):
        lines.append(f"    {parameter.name}: {parameter.annotation} = {parameter.default!r}")
        lines += textwrap.wrap(notes.get(parameter.name, ""), 100, initial_indent=edge, subsequent_indent=edge)
    return "\n".join(lines)

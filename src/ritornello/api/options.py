"""Keyword options from a dataclass: seen in a function's signature and help, checked by name when it is called."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import wraps
from typing import Any

KEYWORD = inspect.Parameter.KEYWORD_ONLY


def takes(cls: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a function the fields of a dataclass as keywords.

    Its parameter `options` gets the dataclass that is made of them.
    The fields stand in `inspect.signature` and, with their docstrings, in `help`. A caller may also hand over the
    dataclass itself as `options`. A keyword that there is not raises TypeError with the nearest one.
    """
    names = [field.name for field in fields(cls)]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = [parameter for name, parameter in signature.parameters.items() if name != "options"]
        known = [parameter.name for parameter in own if parameter.name != "self"] + names

        @wraps(function)
        def call(*arguments: Any, options: Any = None, **named: Any) -> Any:
            for name in named.keys() - {*known}:
                raise TypeError(f"{function.__name__} has no option {nearest(name, known)}")
            given = {name: named.pop(name) for name in names if name in named}
            if options is not None and given:
                raise TypeError(f"options holds {', '.join(given)} already: leave one of them out")
            return function(*arguments, options=options or cls(**given), **named)

        call.__signature__ = signature.replace(parameters=[*own, *_parameters(cls)])  # type: ignore[attr-defined]
        call.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\n{describe_fields(cls)}"
        return call

    return decorate


def nearest(name: str, known: Iterable[str]) -> str:
    """Find the known name that is most like an unknown one, and write both."""
    alike = get_close_matches(name, known, 1)
    return f"{name}; did you mean {alike[0]}?" if alike else f"{name}; there are {', '.join(known)}"


def describe_fields(cls: type) -> str:
    """List the fields of a dataclass with their defaults and docstrings."""
    notes = _docstrings(cls)
    lines = ["options:"]
    for parameter in _parameters(cls):
        lines.append(f"    {parameter.name}: {parameter.annotation} = {parameter.default!r}")
        lines += textwrap.wrap(notes.get(parameter.name, ""), 100, initial_indent=8 * " ", subsequent_indent=8 * " ")
    return "\n".join(lines)


def _parameters(cls: type) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            KEYWORD,
            default=field.default if field.default is not MISSING else inspect.Parameter.empty,
            annotation=field.type,
        )
        for field in fields(cls)
    ]


def _docstrings(cls: type) -> dict[str, str]:
    """Read the string below each field; none where the source is not at hand."""
    try:
        [body] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, SyntaxError):
        return {}
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found[field.target.id] = " ".join(str(below.value.value).split())  # type: ignore[attr-defined]
    return found

"""An encoding as a user asks for it, on the command line or in Python: by name, with what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ritornello.encoding import ENCODINGS, Encoding, make_encoding


def chosen_encoding(
    name: str = "grid",
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] = (),
    relative_to: str | None = None,
) -> Encoding:
    """The encoding of this name; what is left out is as the encoding has it by itself.

    inputs: names of side inputs, in a sequence or separated by commas ("position,bar_ago").
    Raises ValueError for a name that does not exist, or an option that does not go with the encoding.
    """
    wanted = [word.strip() for word in inputs.split(",")] if isinstance(inputs, str) else list(inputs)
    asked: dict[str, Any] = {
        "plain": plain or None,
        "steps_per_quarter": steps_per_quarter,
        "inputs": tuple(word for word in wanted if word) or None,
        "relative_to": relative_to,
    }
    given = {option: value for option, value in asked.items() if value is not None}
    takes = {field.name for field in fields(ENCODINGS[name])} if name in ENCODINGS else set(given)
    if unfit := sorted(given.keys() - takes):
        raise ValueError(f"{_flag(unfit[0])} does not go with the encoding {name!r}; {_what_it_takes(takes)}")
    return make_encoding(name, **given)


def _what_it_takes(options: set[str]) -> str:
    return f"it takes {', '.join(_flag(option) for option in sorted(options))}" if options else "it has no options"


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")

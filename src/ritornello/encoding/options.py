"""An encoding as a user asks for it, on the command line or in Python: by name, with what goes with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ritornello.encoding import ENCODINGS, Encoding, encoding_class, make_encoding
from ritornello.encoding.echoes import ECHOES

DEFAULT = "interval"  # the winner of benchmarks/representations
NOTHING = "none"  # a user's word for no inputs, or no echoes
_BESIDE = {"inputs": ("position", "strength", "metre"), "echoes": tuple(echo.name for echo in ECHOES)}
RECOMMENDED: dict[str, dict[str, Any]] = {"note": _BESIDE, "interval": _BESIDE}


def default_encoding() -> Encoding:
    """What is trained where nothing else is asked for."""
    return chosen_encoding(DEFAULT)


def chosen_encoding(
    name: str = DEFAULT,
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] | None = None,
    relative_to: str | None = None,
    echoes: str | Sequence[str] | None = None,
) -> Encoding:
    """The encoding of this name; what is left out is as recommended, or as the encoding has it by itself.

    name: "miditok:TSD" is MidiTok's tokeniser TSD, "miditok:TSD:my.json" the same with the configuration in a file.
    inputs, echoes: names of side inputs and of echoes, in a sequence or separated by commas ("position,bar_ago"); for
    none of them an empty sequence or "none"; as recommended where it is None or "".
    Raises ValueError for a name that does not exist, or an option that does not go with the encoding.
    """
    if name.endswith(":"):
        raise ValueError(f"nothing stands behind the colon in {name!r}: leave it out")
    name, _, rest = name.partition(":")
    asked: dict[str, Any] = {
        "plain": plain or None,
        "steps_per_quarter": steps_per_quarter,
        "inputs": _names("inputs", inputs),
        "echoes": _names("echoes", echoes),
        "relative_to": relative_to,
    }
    given = RECOMMENDED.get(name, {}) | {option: value for option, value in asked.items() if value is not None}
    given |= _after_colon(name, rest)
    takes = {field.name for field in fields(encoding_class(name))} if name in ENCODINGS else set(given)
    if unfit := sorted(given.keys() - takes):
        known = _what_it_takes(takes & asked.keys())  # what else there is stands behind the name
        raise ValueError(f"{_flag(unfit[0])} does not go with the encoding {name!r}; {known}")
    return make_encoding(name, **given)


def _after_colon(name: str, rest: str) -> dict[str, Any]:
    """Options from what stands behind the name and a colon."""
    if not rest:
        return {}
    if name != "miditok":
        raise ValueError(f"nothing may follow the name of the encoding {name!r}, but {rest!r} does")
    tokenizer, _, path = rest.partition(":")
    if not path:
        return {"tokenizer": tokenizer}
    try:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: no configuration for MidiTok in JSON can be read from it ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"{path}: a configuration for MidiTok is a JSON object, not {type(config).__name__}")
    return {"tokenizer": tokenizer, "config": config}


def _names(option: str, given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names asked for; None where nothing was said, nothing for "none" or an empty sequence."""
    if given is None or given == "":
        return None
    words = [word.strip() for word in given.split(",")] if isinstance(given, str) else given
    names = tuple(word for word in words if word)
    if isinstance(given, str) and not names:
        raise ValueError(f"{_flag(option)} {given!r} names nothing: name {option}, or none")
    return () if names == (NOTHING,) else names


def _what_it_takes(options: set[str]) -> str:
    return f"it takes {', '.join(_flag(option) for option in sorted(options))}" if options else "it has no options"


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")


def encoding_in_words(options: Mapping[str, Any]) -> str:
    """Name an encoding in a few words by its options: "grid plain", "grid 12 steps", "miditok TSD".

    Options that `train` gives it by default are left out: "interval", "interval previous, inputs position".
    """
    name = str(options.get("name", "?"))
    usual = _usual(name)
    words = [name, *(["plain"] if options.get("plain") else [])]
    for option, unit in (("steps_per_quarter", " steps"), ("relative_to", ""), ("tokenizer", "")):
        if options.get(option) not in (None, usual.get(option)):
            words.append(f"{options[option]}{unit}")
    words += [json.dumps(options["config"], sort_keys=True)] if options.get("config") else []
    parts = [" ".join(words)]
    for option in ("inputs", "echoes"):
        names = tuple(map(str, options.get(option) or ()))
        if names != usual.get(option, ()):
            parts.append(f"{option} {' '.join(names)}" if names else f"no {option}")
    return ", ".join(parts)


def _usual(name: str) -> dict[str, Any]:
    """Return the options that `train` gives an encoding by default; none for one that is not known here."""
    known = fields(encoding_class(name)) if name in ENCODINGS else ()
    return {option.name: option.default for option in known} | RECOMMENDED.get(name, {})

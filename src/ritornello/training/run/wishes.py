"""What a user asks to be trained, by name; what is left open a base, a stored plan or the defaults decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ritornello.encoding import Encoding
from ritornello.encoding.options import DEFAULT, chosen_encoding
from ritornello.model.options import NetworkOptions, load_preset


class Wishes(NamedTuple):
    """None where nothing was said."""

    network: NetworkOptions | None = None
    encoding: Encoding | None = None


def wishes(
    preset: str | None = None,
    encoding: str | Encoding | None = None,
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] | None = None,
    relative_to: str | None = None,
    echoes: str | Sequence[str] | None = None,
) -> Wishes:
    """Network and encoding as asked for; see `load_preset` and `chosen_encoding`, which raise ValueError.

    encoding: its name, or the encoding itself, which has its options already.
    """
    network = load_preset(preset) if preset else None
    beside = {
        "plain": plain or None,
        "steps_per_quarter": steps_per_quarter,
        "inputs": None if inputs == "" else inputs,
        "relative_to": relative_to,
        "echoes": None if echoes == "" else echoes,
    }
    said = [option for option, value in beside.items() if value is not None]
    if encoding is not None and not isinstance(encoding, str):
        return Wishes(network, _whole(encoding, said))
    if not (encoding or said):
        return Wishes(network, None)
    name = encoding or ("grid" if plain or steps_per_quarter is not None else DEFAULT)
    return Wishes(network, chosen_encoding(name, plain, steps_per_quarter, inputs, relative_to, echoes))


def _whole(encoding: Encoding, said: Sequence[str]) -> Encoding:
    """An encoding that was handed over. Raises ValueError where it is none, or options were said beside it."""
    if isinstance(encoding, type) or not hasattr(encoding, "encode"):
        raise ValueError(f"encoding is a name or what make_encoding gives, not {encoding!r}")
    if said:
        raise ValueError(f"the encoding that was given has its options already: leave {', '.join(said)} out")
    return encoding

"""What a user asks to be trained, by name; what is left open a base, a stored plan or the defaults decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ritornello.encoding import Encoding
from ritornello.encoding.choice import DEFAULT, chosen_encoding
from ritornello.model.options import NetworkOptions, load_preset


class Wishes(NamedTuple):
    """None where nothing was said."""

    network: NetworkOptions | None = None
    encoding: Encoding | None = None


def wishes(
    preset: str | None = None,
    encoding: str | None = None,
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] = (),
    relative_to: str | None = None,
    echoes: str | Sequence[str] = (),
) -> Wishes:
    """Network and encoding as asked for; see `load_preset` and `chosen_encoding`, which raise ValueError."""
    network = load_preset(preset) if preset else None
    if not (encoding or plain or steps_per_quarter is not None or inputs or relative_to or echoes):
        return Wishes(network, None)
    name = encoding or ("grid" if plain or steps_per_quarter is not None else DEFAULT)
    return Wishes(network, chosen_encoding(name, plain, steps_per_quarter, inputs, relative_to, echoes))

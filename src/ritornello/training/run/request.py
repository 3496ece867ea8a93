"""What a user asks to be trained; None means: as the base, the checkpoint or the defaults have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ritornello.encoding import Encoding
from ritornello.encoding.options import DEFAULT, chosen_encoding
from ritornello.model.options import NetworkOptions, load_preset
from ritornello.training.plan import TrainOptions
from ritornello.training.run.finetune import Base


@dataclass(frozen=True)
class Request:
    """A run as it is asked for.

    base: a model to fine-tune, which brings network and encoding. source: where the corpus is read from, to find it
    again when the run is resumed. is_demo: whether a demo begins it.
    """

    network: NetworkOptions | None = None
    encoding: Encoding | None = None
    options: TrainOptions = field(default_factory=TrainOptions)
    base: Base | None = None
    source: str = ""
    is_demo: bool = False


def requested_network(preset: str | None) -> NetworkOptions | None:
    """Load a preset, if one is named. Raises ValueError for an unknown name."""
    return load_preset(preset) if preset else None


def requested_encoding(
    encoding: str | Encoding | None = None,
    plain: bool = False,
    steps_per_quarter: int | None = None,
    inputs: str | Sequence[str] | None = None,
    relative_to: str | None = None,
    echoes: str | Sequence[str] | None = None,
) -> Encoding | None:
    """Make the encoding that is asked for, by name and options, or take a made one.

    The options are those of `chosen_encoding`.
    None and "" are options that are not given. Raises ValueError for options that do not fit, or given with a made
    encoding.
    """
    options = {
        "plain": plain or None,
        "steps_per_quarter": steps_per_quarter,
        "inputs": None if inputs == "" else inputs,
        "relative_to": relative_to,
        "echoes": None if echoes == "" else echoes,
    }
    given = [name for name, value in options.items() if value is not None]
    if encoding is None or isinstance(encoding, str):
        if not (encoding or given):
            return None
        name = encoding or ("grid" if plain or steps_per_quarter is not None else DEFAULT)
        return chosen_encoding(name, plain, steps_per_quarter, inputs, relative_to, echoes)
    if isinstance(encoding, type) or not hasattr(encoding, "encode"):
        raise ValueError(f"encoding is a name or what make_encoding gives, not {encoding!r}")
    if given:
        raise ValueError(f"the encoding that was given has its options already: leave {', '.join(given)} out")
    return encoding

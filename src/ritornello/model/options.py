"""The options of a network, by kind, and the presets that are named sets of them."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

DEFAULT_PRESET = "lstm"
KINDS = {"lstm": ("heads",), "transformer": ("embedding", "mixed")}  # options that each kind does not have
SIDE_SPREAD = 0.1  # of features' tables before training, 1 of tokens': features are not to drown tokens out


@dataclass(frozen=True)
class NetworkOptions:
    """A stack of layers between an embedding and a softmax: of LSTM, with attention if wanted, or of a transformer.

    layers: 1 to 8. width: cells per layer, or numbers per note group in a transformer, 8 to 4096.
    embedding: numbers per token at the input of an LSTM, 8 to 4096.
    dropout: share of activations silenced between layers while training, 0 to below 1.
    attention: number of steps that it looks back on, 1 to 512; for an LSTM 0 for none (see `attention.py`).
    chain: hidden units between the parts of a note (encodings of two parts only), 8 to 4096.
    mixed: the output softmax sees a learned sum of all layers' outputs, not that of the last layer alone. Source:
        Peters et al. 2018, "Deep contextualized word representations", section 3.2.
    kind: the architecture, "lstm" or "transformer".
    heads: of a transformer, each of which attends in its share of the width; 1 to 16.
    """

    layers: int = 2
    width: int = 256
    embedding: int = 256
    dropout: float = 0.3
    attention: int = 0
    chain: int = 128
    mixed: bool = False
    kind: str = "lstm"
    heads: int = 4

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of network: {self.kind!r}; there are {', '.join(KINDS)}")
        for name, low, high in (
            ("layers", 1, 8),
            ("width", 8, 4096),
            ("embedding", 8, 4096),
            ("attention", 0, 512),
            ("chain", 8, 4096),
            ("heads", 1, 16),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 to below 1, not {self.dropout}")
        if self.kind == "transformer" and (not self.attention or self.width % self.heads):
            raise ValueError(
                f"a transformer's attention must be 1 to 512, not {self.attention}, "
                f"and its heads must divide its width, not be {self.heads} in {self.width}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the options that this kind of network has, by name."""
        return {name: value for name, value in asdict(self).items() if name not in KINDS[self.kind]}

    @property
    def is_mixed(self) -> bool:
        """Whether there are several layers to be summed."""
        return self.mixed and self.layers > 1


def preset_names() -> list[str]:
    """List the presets that come with the program."""
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).joinpath("presets").iterdir())


def load_preset(name: str) -> NetworkOptions:
    """Load the preset of this name. Raises ValueError, listing the names, if there is none."""
    if name not in preset_names():
        raise ValueError(f"no such preset: {name!r}; there are {', '.join(preset_names())}")
    text = files(__package__).joinpath("presets", f"{name}.toml").read_text("utf-8")
    return NetworkOptions(**tomllib.loads(text))

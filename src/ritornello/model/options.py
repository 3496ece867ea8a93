"""The options of a network, by kind, and the presets that are named sets of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

DEFAULT_PRESET = "lstm"
KINDS = ("lstm",)
SIDE_SPREAD = 0.1  # of features' tables before training, 1 of tokens': features are not to drown tokens out


@dataclass(frozen=True)
class NetworkOptions:
    """A stack of LSTM layers between an embedding and a softmax, with attention if wanted.

    layers: 1 to 8. width: cells per layer, 8 to 4096. embedding: numbers per token at the input, 8 to 4096.
    dropout: share of activations silenced between layers while training, 0 to below 1.
    attention: number of its last outputs that it looks back on, 1 to 512; 0 for none (see `attention.py`).
    chain: hidden units between the parts of a note (encodings of two parts only), 8 to 4096.
    mixed: the output softmax sees a learned sum of all layers' outputs, not that of the last layer alone. Source:
        Peters et al. 2018, "Deep contextualized word representations", section 3.2.
    kind: the architecture, "lstm".
    """

    layers: int = 2
    width: int = 256
    embedding: int = 256
    dropout: float = 0.3
    attention: int = 0
    chain: int = 128
    mixed: bool = False
    kind: str = "lstm"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of network: {self.kind!r}; there are {', '.join(KINDS)}")
        for name, low, high in (
            ("layers", 1, 8),
            ("width", 8, 4096),
            ("embedding", 8, 4096),
            ("attention", 0, 512),
            ("chain", 8, 4096),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 to below 1, not {self.dropout}")

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

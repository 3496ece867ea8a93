"""What a user asks to be trained; None means: as the base, the checkpoint or the defaults have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ritornello.training.plan import TrainOptions

if TYPE_CHECKING:
    from ritornello.encoding import MelodyEncoding
    from ritornello.model.options import NetworkOptions
    from ritornello.training.run.finetune import Base


@dataclass(frozen=True)
class NetworkRequest:
    """Network and encoding as they are asked for, by name."""

    preset: str | None = None
    """The network: tiny, lstm, large, attention, transformer, or performance (for events); default: lstm."""

    encoding: Any = None
    """How music is written down: interval, note, grid (the exercise's way), lookback, text (ABC letters), events
    (piano as played), events-beats (many notes in bars), chorale (four voices), or miditok[:TOKENIZER[:FILE.json]];
    default: interval. In Python also what `make_encoding` gives."""

    plain: bool = False
    """The exercise's 130 symbols alone, without metre and end."""

    steps_per_quarter: int | None = None
    """Resolution of grid and lookback; default: 4."""

    inputs: Any = None
    """Further inputs of the network, with commas between (in Python also a sequence):
    position,strength,metre,key,degree,bar_ago,two_bars_ago, of chorale echo,line,recent; or none."""

    memory: Any = None
    """What the network remembers, with commas between (in Python also a sequence): own (the tune so far), corpus (the
    training tunes), ending (how these end); or none. The encoding interval has all by default, the others none."""

    relative_to: str | None = None
    """What the encoding interval measures pitches from: key, or the previous note."""

    given: Any = None
    """What the encoding chorale sees beforehand: soprano, or none (default)."""

    def network(self) -> NetworkOptions | None:
        """Load the preset, if one is named. Raises ValueError for an unknown name."""
        from ritornello.model.options import load_preset

        return load_preset(self.preset) if self.preset else None

    def made_encoding(self, in_modes: bool = False, with_chords: bool = False) -> MelodyEncoding | None:
        """Make the encoding that is asked for, by name and options, or take a made one.

        in_modes, with_chords: for a corpus that states modes besides major and minor, or has chords.
        Raises ValueError for options that do not fit, or given with a made encoding.
        """
        from ritornello.encoding.options import DEFAULT, EncodingOptions

        options: dict[str, Any] = {
            "plain": self.plain or None,
            "steps_per_quarter": self.steps_per_quarter,
            "inputs": None if self.inputs == "" else self.inputs,
            "relative_to": self.relative_to,
            "given": None if self.given == "" else self.given,
            "memory": None if self.memory == "" else self.memory,
        }
        given = {name: value for name, value in options.items() if value is not None}
        if self.encoding is None or isinstance(self.encoding, str):
            is_grid = "plain" in given or "steps_per_quarter" in given
            name = self.encoding or ("grid" if is_grid else DEFAULT)
            asked = EncodingOptions(name, **given)
            made = asked.build_for(in_modes, with_chords)
            return made if self.encoding or given or with_chords else None
        if isinstance(self.encoding, type) or not hasattr(self.encoding, "encode"):
            raise ValueError(f"encoding is a name or what make_encoding gives, not {self.encoding!r}")
        if given:
            raise ValueError(f"the encoding that was given has its options already: leave {', '.join(given)} out")
        return self.encoding


@dataclass(frozen=True)
class Request:
    """A run as it is asked for.

    base: a model to fine-tune, which brings network and encoding. source: where the corpus is read from, to find it
    again when the run is resumed. is_demo: whether a demo begins it.
    """

    network: NetworkOptions | None = None
    encoding: MelodyEncoding | None = None
    options: TrainOptions = field(default_factory=TrainOptions)
    base: Base | None = None
    source: str = ""
    is_demo: bool = False

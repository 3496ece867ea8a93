"""What the player asks for when composing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cached_property

from ritornello.music.keys import parse_key, parse_key_and_scale, parse_scale, scale_pitch_classes
from ritornello.music.values import Key

LEAST_SPAN = 4  # semitones
MAX_BARS = 512
BARS, SECONDS = 8, 30.0  # where nothing is asked for
MAX_SECONDS = 1800
LEAST_DENSITY, MOST_DENSITY = 0.5, 32.0  # notes a second
QPM = 100.0  # where no tempo is asked for


@dataclass(frozen=True)
class GenerateOptions:
    """How to compose. Raises ValueError, naming the field and its range, for a value out of range."""

    bars: int | None = None
    """Bars to compose, 1 to 512, 8 without it; a pick-up is not counted."""

    seconds: float | None = None
    """Seconds to compose, 1 to 1800, with a model of music without bars (30 without it)."""

    temperature: float = 1.0
    """0 (always the likeliest) to 10; 1 is as learned, lower is safer, higher wilder."""

    top_k: int = 0
    """Draw from the k likeliest tokens only; 0 for all."""

    top_p: float = 0.98
    """Draw from the fewest tokens whose probabilities reach this, above 0 to 1."""

    min_p: float = 0.0
    """Leave out tokens less likely than this share of the likeliest, 0 to 1."""

    memory: float = 1.0
    """How much the tune's own past counts, 0 (not at all) to 2; 1 is as learned."""

    quote: float = 1.0
    """How much the training tunes count, 0 (not at all) to 2; 1 is as learned."""

    notes_per_second: str | None = None
    """Notes a second, 0.5 to 32, or several with commas between over the time: 2,8,4 (models of performances)."""

    metre: str | None = None
    """Metre, such as 3/4 or 3+2+2/8; without it, drawn as the training corpus has them."""

    key: str | None = None
    """Key to compose in: G, Bb, F#m, D dorian, A minor pentatonic ..."""

    scale: str | None = None
    """Only these pitches, the tonic first: C D E G A ... (with models of performances: mostly these)"""

    scale_lock: bool = False
    """Only notes of the key's scale (C major where no key is given)."""

    lowest: int | None = None
    """Lowest pitch, 0 to 127 (60 is middle C); without it, the lowest that the model learned."""

    highest: int | None = None
    """Highest pitch, 0 to 127; without it, the highest that the model learned."""

    qpm: float | None = None
    """Tempo in quarter notes per minute, 10 to 400; without it, that of a song as primer, else 100."""

    unguarded: bool = False
    """Let tunes go round in circles: without the rules that end a passage repeated too often."""

    flat: bool = False
    """All notes equally loud, without accents and swell."""

    def __post_init__(self) -> None:
        ranges = (
            ("bars", 1, MAX_BARS),
            ("seconds", 1, MAX_SECONDS),
            ("temperature", 0, 10),
            ("min_p", 0, 1),
            ("memory", 0, 2),
            ("quote", 0, 2),
        )
        for name, low, high in ranges:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {value}")
        if self.qpm is not None and not 10 <= self.qpm <= 400:
            raise ValueError(f"qpm must be 10 to 400, not {self.qpm}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 or more, not {self.top_k}")
        self.densities  # noqa: B018 - raises for what is no number in its range
        self.tonality  # noqa: B018 - raises for a key or a scale that does not exist
        lowest, highest = self.within((0, 127))
        if not 0 <= lowest <= highest - LEAST_SPAN <= 127 - LEAST_SPAN:
            raise ValueError(
                f"the range must lie in 0 to 127 and span {LEAST_SPAN} semitones or more, not {lowest} to {highest}"
            )

    @cached_property
    def densities(self) -> tuple[float, ...]:
        """The notes a second asked for, at even distances over the time; () where nothing is."""
        if self.notes_per_second is None:
            return ()
        try:
            found = tuple(float(word) for word in str(self.notes_per_second).split(","))
        except ValueError:
            found = (0.0,)
        if not all(LEAST_DENSITY <= density <= MOST_DENSITY for density in found):
            raise ValueError(
                f"notes_per_second must be numbers from {LEAST_DENSITY:g} to {MOST_DENSITY:g} with commas between, "
                f"such as 4 or 2,8,4, not {self.notes_per_second!r}"
            )
        return found

    @property
    def bar_count(self) -> int:
        """Bars to compose."""
        return BARS if self.bars is None else self.bars

    @cached_property
    def tonality(self) -> tuple[Key, frozenset[int]] | None:
        """The key asked for and its pitch classes, or those of the scale; None where neither is."""
        if self.scale is not None:
            key, pitches = parse_scale(self.scale)
            return (parse_key(self.key), pitches) if self.key else (key, pitches)
        return parse_key_and_scale(self.key) if self.key else None

    @property
    def is_steered(self) -> bool:
        """Whether the drawing itself keeps to a scale.

        It is where that is asked for, and in modes and scales that models may not have learned.
        """
        if self.scale_lock or self.scale is not None:
            return True
        return self.tonality is not None and (
            self.tonality[0].mode not in ("major", "minor")
            or self.tonality[1] != scale_pitch_classes(self.tonality[0])
        )

    def within(self, pitch_range: tuple[int, int]) -> tuple[int, int]:
        """Return lowest and highest pitch: those asked for, else those of `pitch_range`."""
        return (
            pitch_range[0] if self.lowest is None else self.lowest,
            pitch_range[1] if self.highest is None else self.highest,
        )

    @property
    def is_ranged(self) -> bool:
        """Whether the player asked for a range."""
        return self.lowest is not None or self.highest is not None

    def in_words(self) -> str:
        """Write the options that are not the usual ones as words of the command: " --key G"."""
        usual = ((field.name, getattr(self, field.name)) for field in fields(self) if field.name != "bars")
        asked = [(name, value) for name, value in usual if value != getattr(type(self), name)]
        words = [f" --{name.replace('_', '-')}" + ("" if value is True else f" {value}") for name, value in asked]
        return "".join(words)

    def to_dict(self) -> dict:
        """Return the fields by name."""
        return asdict(self)

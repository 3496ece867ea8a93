"""What an encoding offers: `Encoding` and `Rules` for any music, `MelodyEncoding` and `Place` for melodies in bars.

An encoding turns music into a flat array of integer tokens, read in note groups. A group is one recurrent step of a
network: one token (`grid`), or an event and then its duration (`note`, `interval`), or any number of parts. Part 0
has the ids 0 to parts[0]-1, part 1 the next parts[1], and so on. `end` is an id of part 0 and stands alone.

Networks, players and samplers ask for `Encoding` and `Rules` alone; composing melodies of so many bars, transposing
and measuring per note ask for the rest. Music of any other encoding is composed freely (`generate/freely.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np

from ritornello.encoding.features import Feature, Harmony
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import Key, Melody, Piece

UNREADABLE = -2  # in a list of places in the bar: one that notation cannot write


@dataclass(frozen=True)
class Encoded:
    """Tokens of one melody, and the losses of encoding it.

    tokens: (length,) int16. losses: how many notes were `moved` (an onset off the grid, rounded), `resized`
    (a duration off the grid, rounded) or `lost` (of several onsets on a step the nearest stays); and how many
    `metres` the tokens do not name.
    """

    tokens: np.ndarray
    losses: Counter[str] = field(default_factory=Counter)


class Encoding(Protocol):
    """A way of writing music as tokens: a frozen dataclass of its options.

    name: its name in ENCODINGS. parts: number of ids in each part of a group; their sum is the vocabulary's size.
    features: the inputs besides the tokens. memory: its sources, of `memory.SOURCES`; () for none.
    end: id of the token that ends a piece of music, None where there is none.
    keeps: what it writes: "melody" (a single line), "voices" (lines that sound together) or "all" (any notes).

    For training an encoding may also have `variants(tokens, lowest, highest)`, which lists ways to vary music within
    these pitches as whole numbers, 0 for as it is, and `vary(tokens, variant)`, which gives its tokens; and
    `given_rows(tokens, random)`, the features as they are known in training (see `corpus.tokens.variants_of`,
    `training.data.Streams`).
    """

    @property
    def name(self) -> str: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def parts(self) -> tuple[int, ...]: ...
    @property
    def end(self) -> int | None: ...
    @property
    def keeps(self) -> str: ...
    @property
    def features(self) -> tuple[Feature, ...]: ...
    @property
    def memory(self) -> tuple[str, ...]: ...

    def to_dict(self) -> dict[str, Any]:
        """Return what `make_encoding` needs to build the encoding again, ready for JSON."""

    def encode(self, music: Any, /) -> Encoded:
        """Encode a Melody, or the Piece that `keeps` names, as tokens: one spelling for each."""

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody | Piece:
        """Decode tokens to music. Raises ValueError for an id outside the vocabulary."""

    def tracker(self) -> Rules:
        """Start the rules of one piece of music, before its first token."""


class Rules(Protocol):
    """The rules of music in the making. part: which part of a group is due. done: `end` has come.

    Where time is counted in seconds, or as soon as the tempo is known, `seconds` says how many have passed.
    """

    part: int
    done: bool

    def legal(self) -> np.ndarray:
        """Tell which ids of the part that is due may come next, (parts[part],) of bool.

        Not to be changed.
        """

    def features(self) -> Sequence[int]:
        """Compute the values of `Encoding.features` (see `features.py`), where part 0 is due."""

    def advance(self, token: int) -> None:
        """Go on by one token, an id of the vocabulary."""

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""


class MelodyEncoding(Encoding, Protocol):
    """An encoding of single lines in bars.

    is_keyed: a melody and its transposition differ in their headers alone. pitch_range: lowest and highest pitch.
    Time is counted in ticks of the encoding, `ticks_per_quarter` of them to a quarter note (grid: its steps), from a
    barline: a melody with a pick-up begins later than 0, so that `time % bar` is the place in the bar; after a change
    of metre, `(time - since) % bar`.
    """

    @property
    def is_keyed(self) -> bool: ...
    @property
    def pitch_range(self) -> tuple[int, int]: ...
    @property
    def ticks_per_quarter(self) -> int: ...

    def encode(self, melody: Melody, /) -> Encoded:
        """Encode a melody as tokens: one spelling for each melody."""

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Decode tokens to a melody. Raises ValueError for an id outside the vocabulary."""

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Encode a melody under every header that names its key and metre.

        The first is that of `encode`.
        They differ where a header says how low a melody may go; all have the same length. Elsewhere there is one.
        """

    def tracker(self) -> Place:
        """Start the rules of one melody, before its first token."""

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Transpose a melody. Raises ValueError if a pitch leaves 0-127."""

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in order, (notes,)."""

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Find the index of the token that starts each note, (notes,)."""

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Read the metre at the beginning, (4, 4) where none is named or "other"."""

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for a metre without any."""


class Place(Rules, Protocol):
    """The rules of one melody in bars, and the place that it has reached.

    time: ticks reached. until: ticks at which the melody is to be over, -1 where that is unknown; a caller may set it
    at any place, for the feature `countdown`. harmony: the chords to come, None where they are unknown, likewise for
    the feature `chord`. entry: where the music enters, above 0 with a pick-up that the header
    names. onset, opening: ticks of the last and of the first note's start. notes: number so far.
    bar, beat: ticks of a full bar of the metre in force and of its first beat. since, bars_before: time at which that
    metre began, and the bars until then. begun: the metre is known. done: `end` has come.
    sounding: pitch that sounds, -1 for silence.
    """

    time: int
    until: int
    harmony: Harmony | None
    entry: int
    onset: int
    opening: int
    notes: int
    bar: int
    beat: int
    since: int
    bars_before: int
    begun: bool
    done: bool
    sounding: int

    def pitches(self) -> np.ndarray:
        """List the pitch that each id of the due part starts, (parts[part],) int16, -1 for none."""

    def finishable(self, last_bar_start: int, end: int, least: int = 1) -> np.ndarray:
        """Tell which legal ids of the due part lead to a well-formed end, (parts[part],) of bool.

        Well formed: its first note starts in its first bar; no silence begins at tick `last_bar_start` or later;
        the melody ends with a note that by then has sounded for `least` ticks or more, after tick `last_bar_start`
        and not after tick `end`. So no note starts with less than `least` to go, and `end` itself is among them
        where the melody may close now. A tuplet is completed in the beat, or the few beats, that it divides, and
        before the end (see `tuplets`). Another metre begins on a barline before `end` alone.
        What comes before the first group of a note or rest (metre, pick-up, ...) is
        not judged.
        """

    def heading(self, pitches: np.ndarray, key: Key | None, is_learned: bool = False) -> np.ndarray | None:
        """Tell which ids of the due part fit a key and leave room, (ids,); None where all do.

        pitches: (128,) of bool, those that the melody may have, at least one. key: None for any. is_learned: the
        network knows it by its mode, so that no plain key need stand for it. False stands for an
        id that names another key, or a register with less room than another has. Room: semitones from the lowest
        of these pitches within reach to the highest, as far as a melody needs them; none where its lowest note would
        not be one of them.
        """

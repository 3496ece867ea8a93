"""grid: one token per step, 0-127 note_on, 128 no_event, 129 note_off, then the tune's metres and its end.

The alphabet is the exercise's ("Make some music with an RNN", step 3); `plain` is its 130 symbols alone.
A tune starts with its metre, two tokens (metre_3, over_4), on a barline: a pick-up is opening no_events. Where
another metre begins it stands before the step. Resolution: `steps_per_quarter`, 4 by default.

    metre_3 over_4 | 60 | no_event | no_event | no_event | 62 | ... | metre_4 over_4 | 64 | ... | end

With_key names the key as well, a token after the metre (key_dorian 2).

Version 1, of older models, names one of METRES at the beginning with a token of its own (begin_3/4).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ritornello.encoding.features import Feature, checked_inputs, feature_list
from ritornello.encoding.grid_tracker import KEYS, NO_EVENT, NOTE_OFF, SILENCE, GridTracker
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.rounding import checked_steps, from_barline, rounded, stepped
from ritornello.encoding.vocabulary import (
    LATEST,
    MetreTable,
    Vocabulary,
    bar_lengths,
    first_beats,
    key_at_place,
    key_rows,
    metre_changes,
    metre_table,
    place_of_key,
    unnamed_metres,
)
from ritornello.music.keys import estimate_key
from ritornello.music.values import DEFAULT_VELOCITY, MODES, TICKS_PER_QUARTER, Melody, Metre, Note, Tempo, Timeline

PLAIN_ROWS = (
    ("note_on", 128, "a note of this pitch starts; one that sounds ends"),
    ("no_event", 1, "what sounds goes on, silence goes on"),
    ("note_off", 1, "what sounds ends"),
)


class StepEncoding:
    """An encoding of one token per step: ids 0 to 127 start a note, and those after the grid's steps name a metre."""

    steps_per_quarter: int
    version: int
    with_key: bool
    is_keyed = False
    keeps = "melody"
    pitch_range = (0, 127)

    @cached_property
    def metres(self) -> MetreTable:
        """The metres that it names."""
        return metre_table(self.version)

    @property
    def names_key(self) -> bool:
        """Whether the header names the key."""
        return self.with_key

    @cached_property
    def first_key(self) -> int:
        """The first id that names a key, where the header does."""
        return NOTE_OFF + 1 + len(self.metres.first_rows) + len(self.metres.second_rows)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[int, ...]:
        """One part: every token is a group."""
        return (self.vocabulary.size,)

    @property
    def ticks_per_quarter(self) -> int:
        """Unit of the tracker's time: a step."""
        return self.steps_per_quarter

    def transpose(self, tokens: np.ndarray, semitones: int) -> np.ndarray:
        """Transpose a melody. Raises ValueError if a pitch leaves 0-127."""
        is_note = tokens < NO_EVENT
        moved = np.where(is_note, tokens + semitones, tokens)
        if self.names_key:
            named = (tokens >= self.first_key) & (tokens < self.first_key + KEYS)
            moved[named] += (tokens[named] - self.first_key + semitones) % 12 - (tokens[named] - self.first_key) % 12
        if is_note.any() and not 0 <= moved[is_note].min() <= moved[is_note].max() <= 127:
            raise ValueError(f"{semitones} semitones take a pitch out of 0-127")
        return moved.astype(tokens.dtype)

    def metre_of(self, tokens: np.ndarray) -> tuple[int, int]:
        """Read the metre at the beginning, (4, 4) where none is named or "other"."""
        named = self.named_metres(np.asarray(tokens[:2], np.int64))
        return self.metres.numbers[named[0][1] if named and named[0][0] == 0 else -1]

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for a metre without any."""
        return self.metre_tokens(self.metres.named(metre))

    def metre_tokens(self, index: int) -> tuple[int, ...]:
        """List the tokens of a metre by its index."""
        firsts = (NOTE_OFF + 1, NOTE_OFF + 1 + len(self.metres.first_rows))
        return tuple(first + place for first, place in zip(firsts, self.metres.tokens(index), strict=False))

    def named_metres(self, tokens: np.ndarray) -> list[tuple[int, int]]:
        """List place and index of each metre that tokens name; an upper figure needs its lower one."""
        first, second = NOTE_OFF + 1, NOTE_OFF + 1 + len(self.metres.first_rows)
        places = np.flatnonzero((tokens >= first) & (tokens < second)).tolist()
        if self.metres.is_listed:
            return [(place, int(tokens[place]) - first) for place in places]
        lowers = range(second, second + len(self.metres.second_rows))
        pairs = [(at, *tokens[at : at + 2].tolist()) for at in places if at + 1 < len(tokens)]
        return [
            (at, self.metres.index(upper - first, lower - second)) for at, upper, lower in pairs if lower in lowers
        ]


@dataclass(frozen=True)
class Grid(StepEncoding):
    """The exercise's encoding. steps_per_quarter: 1 to 24. plain: without metre and end. inputs: features.INPUTS.

    with_key: the header names the key, which the features follow then; not of the plain alphabet.
    4 steps per quarter cannot keep triplets and thirty-seconds; 12 keep triplets and sixteenths. Of the embedded
    corpus's 168,549 notes 4 lose 636 and move 3,554, 5,917 are resized; with 12 it is 5, 401 and 791.
    """

    steps_per_quarter: int = 4
    plain: bool = False
    inputs: tuple[str, ...] = ()
    version: int = LATEST
    with_key: bool = False
    name = "grid"
    memory: ClassVar[tuple[str, ...]] = ()  # its steps are no events

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", checked_inputs(self.inputs))
        object.__setattr__(self, "steps_per_quarter", checked_steps(self.steps_per_quarter))
        if self.with_key and self.plain:
            raise ValueError("the plain grid names no key: leave with_key out")

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The token table."""
        if self.plain:
            return Vocabulary.of(*PLAIN_ROWS)
        metres = (*self.metres.first_rows, *self.metres.second_rows)
        keys = key_rows() if self.with_key else []
        return Vocabulary.of(*PLAIN_ROWS, *metres, *keys, ("end", 1, "the tune is over; what sounds ends"))

    @cached_property
    def end(self) -> int | None:
        """Id of the `end` token; None for the plain alphabet, which has no end."""
        return None if self.plain else self.vocabulary["end"]

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of `inputs`.

        The event of a bar ago is a pitch or SILENCE, and began then or before.
        """
        return feature_list(self.inputs, SILENCE + 1, 1, self.metres, len(MODES) if self.with_key else 2)

    @cached_property
    def bars(self) -> list[int]:
        """Steps in a full bar of each metre, rounded where the grid is too coarse for it."""
        return bar_lengths(self.metres, self.steps_per_quarter)

    @cached_property
    def beats(self) -> list[int]:
        """Steps in the first beat of a bar of each metre: a dotted quarter's in 6/8."""
        return first_beats(self.metres, self.steps_per_quarter)

    @cached_property
    def follows_key(self) -> bool:
        """Whether a feature asks for the key, and no header names it."""
        return not self.with_key and ("key" in self.inputs or "degree" in self.inputs)

    def to_dict(self) -> dict:
        """Return what `make_encoding` needs to build this encoding again."""
        plain = {"name": self.name, "steps_per_quarter": self.steps_per_quarter, "plain": self.plain}
        plain |= {"inputs": list(self.inputs)} if self.inputs else {}
        plain |= {} if self.version == 1 else {"version": self.version}
        return plain | ({"with_key": True} if self.with_key else {})

    def encode(self, melody: Melody) -> Encoded:
        """Encode a melody: its metre, one token per step up to the end of the last note, `end`.

        Onsets and ends go to the nearest step (ties upward); a note keeps at least one step. A closing rest is
        kept by the plain alphabet alone: elsewhere a melody is over when its last note is.
        """
        timeline = melody.timeline
        notes = np.array([n[:3] for n in melody.notes], np.int64).reshape(-1, 3)
        if self.plain:
            per_quarter = timeline.ticks_per_quarter
            steps, losses = _steps_of(notes, self.steps_per_quarter, per_quarter, timeline.length)
            return Encoded(steps, losses + unnamed_metres(timeline, None))
        notes, per_quarter = from_barline(notes, timeline)
        steps, losses = _steps_of(notes, self.steps_per_quarter, per_quarter)
        changes = metre_changes(timeline, self.metres)
        if changes:
            finer = per_quarter // timeline.ticks_per_quarter
            late = (timeline.bar_ticks(timeline.metre) - timeline.pickup) * finer if timeline.pickup else 0
            ticks = np.array([int(tick * finer + late) for tick, _ in changes])
            places = rounded(ticks, self.steps_per_quarter, per_quarter).tolist()
            moved = {
                place: index for place, (_, index) in zip(places, changes, strict=True) if 0 < place < len(steps)
            }
            for place in sorted(moved, reverse=True):
                steps = np.insert(steps, place, self.metre_tokens(moved[place]))
        begin = self.metre_tokens(self.metres.index_of(*timeline.metre[1:3]))
        if self.with_key:
            begin += (self.first_key + place_of_key(timeline.key or estimate_key(melody.notes)[0]),)
        tokens = np.concatenate([begin, steps, [self.end]]).astype(np.int16)
        return Encoded(tokens, losses + unnamed_metres(timeline, self.metres))

    def headings(self, melody: Melody) -> list[np.ndarray]:
        """Encode a melody under its one header: none names an octave."""
        return [self.encode(melody).tokens]

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Melody:
        """Decode tokens to a melody.

        A begin or end token may be missing, and an illegal note_off is silence.
        Raises ValueError for an id outside the vocabulary.
        """
        tokens = np.asarray(tokens, np.int64)
        self.vocabulary.check(tokens)
        is_step = tokens <= NOTE_OFF
        steps, place_of = tokens[is_step], np.append(0, is_step.cumsum())
        ticks_per_quarter = math.lcm(TICKS_PER_QUARTER, self.steps_per_quarter)
        ticks = ticks_per_quarter // self.steps_per_quarter
        begun = {0: -1} | {int(place_of[place]) * ticks: index for place, index in self.named_metres(tokens)}
        metres = tuple(Metre(tick, *self.metres.numbers[index]) for tick, index in sorted(begun.items()))
        named = tokens[(tokens >= self.first_key) & (tokens < self.first_key + KEYS)] if self.with_key else tokens[:0]
        keys = tuple(key_at_place(int(place) - self.first_key) for place in named[:1])
        timeline = Timeline(ticks_per_quarter, len(steps) * ticks, metres, keys, (Tempo(0, qpm),))
        changes = np.flatnonzero(steps != NO_EVENT)
        ends = np.append(changes[1:], len(steps))[: len(changes)]
        notes = tuple(
            Note(int(start) * ticks, int(end - start) * ticks, int(steps[start]), DEFAULT_VELOCITY)
            for start, end in zip(changes, ends, strict=True)
            if steps[start] < NO_EVENT
        )
        return Melody(notes, timeline, title)

    def tracker(self) -> GridTracker:
        """Start the rules of one melody."""
        return GridTracker(self)

    def pitches(self, tokens: np.ndarray) -> np.ndarray:
        """List the pitches of the notes in order."""
        return tokens[tokens < NO_EVENT]

    def onsets(self, tokens: np.ndarray) -> np.ndarray:
        """Find the indices of the note_ons."""
        return np.flatnonzero(np.asarray(tokens) < NO_EVENT)


def _steps_of(
    notes: np.ndarray, steps_per_quarter: int, ticks_per_quarter: int, length: int = 0
) -> tuple[np.ndarray, Counter[str]]:
    """Lay notes on steps, (steps,) int16; also the losses (see `stepped`).

    notes: (notes, 3) of start, duration and pitch.
    """
    starts, ends, pitches, losses = stepped(notes, steps_per_quarter, ticks_per_quarter)
    whole = int(rounded(np.array([length]), steps_per_quarter, ticks_per_quarter)[0])
    size = max(whole, int(ends[-1]) if len(ends) else 0)
    steps = np.full(size, NO_EVENT, np.int16)
    silent_after = ends < np.append(starts[1:], size)[: len(ends)]  # the next note's onset ends this one
    steps[ends[silent_after]] = NOTE_OFF
    steps[starts] = pitches
    return steps, losses

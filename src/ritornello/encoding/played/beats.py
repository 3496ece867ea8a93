"""events-beats: any number of notes at a time in bars and parts of a beat, each as loud as it was.

    metre_4 over_4 | velocity 19 | duration 23 | pitch 60 | pitch 64 | time_shift 23 | pitch 67 | bar | ... | end

What `events` writes for music whose beats are known, such as scores, or performances recorded to a click: times are
rounded to 24 steps a quarter note, which writes triplets and 32nds exactly. A piece starts on a barline; time goes on
before a pick-up. `bar` goes on to the next barline, a time_shift to a moment before it; both, and durations, name up
to a whole note, longer ones in several tokens. A velocity and a duration hold until others are named. A metre stands
at the beginning and wherever another one begins. `end` comes after the last note.

One spelling for each piece: at one moment notes start from low to high; a velocity, then a duration, is named where
it changes, just before a note; two notes of one pitch do not sound at once.

Bars, velocities and durations as tokens: Huang & Yang 2020, "Pop Music Transformer" (REMI, arXiv 2002.00212), which
names the place in the bar before each note, where here time goes on to it and the place is an input (see
`beat_tracker`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from ritornello.encoding.features import Feature
from ritornello.encoding.played.beat_tracker import (
    BAR,
    BARS,
    DURATION,
    END,
    FULL,
    INPUTS,
    LOUDNESS,
    METRE,
    METRES,
    OVER,
    SHIFT,
    STEPS,
    BeatTracker,
    beat_features,
)
from ritornello.encoding.played.events import BIN, BINS, bin_of, notes_in_steps
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.vocabulary import Vocabulary, metre_changes, unnamed_metres
from ritornello.music.values import Melody, Metre, Note, Part, Piece, Tempo, Timeline

TRANSPOSITIONS = tuple(sorted(range(-6, 6), key=abs))  # every key once
MIDDLE = 60  # lowest pitch of the upper staff of a piano
KEPT_ROWS = 2048  # pieces whose features are kept


@dataclass(frozen=True)
class BeatsEncoding:
    """Notes in bars. inputs: of INPUTS in `beat_tracker`. Raises ValueError for another input."""

    inputs: tuple[str, ...] = ()
    name: ClassVar[str] = "events-beats"
    keeps: ClassVar[str] = "all"
    also_says: ClassVar[tuple[str, ...]] = ("metre", "loudness")
    memory: ClassVar[tuple[str, ...]] = ()
    end: ClassVar[int] = END
    parts: ClassVar[tuple[int, ...]] = (END + 1,)
    vocabulary: ClassVar[Vocabulary] = Vocabulary.of(
        ("pitch", 128, "a note of this pitch starts"),
        ("duration", FULL, "what starts from here on lasts a 24th of a quarter, and one more for each"),
        ("time_shift", FULL, "a 24th of a quarter passes, and one more for each"),
        ("velocity", BINS, "what starts from here on is so loud, in steps of 4 of MIDI's velocity"),
        ("bar", 1, "the next bar begins"),
        *METRES.first_rows,
        *METRES.second_rows,
        ("end", 1, "the piece is over"),
    )

    def __post_init__(self) -> None:
        names = (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)
        for name in names:
            if name not in INPUTS:
                raise ValueError(f"no such side input of events-beats: {name!r}; there are {', '.join(INPUTS)}")
        object.__setattr__(self, "inputs", tuple(name for name in INPUTS if name in names))

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the inputs."""
        return beat_features(self.inputs)

    def to_dict(self) -> dict[str, Any]:
        """Return name and options, ready for JSON."""
        return {"name": self.name, "inputs": list(self.inputs)}

    def encode(self, music: Melody | Piece, /) -> Encoded:
        """Encode the notes of all parts but percussion.

        losses: `lost`, notes that start with another of their pitch, and percussion; `moved` and `resized`, notes
        whose start or length lies off the steps, and those that the next one of their pitch cuts short; `metres`
        that have no name, `groups` of additive ones.
        """
        grid = _Grid(music.timeline)
        notes, losses = notes_in_steps(music, grid.step)
        losses += grid.rounded(music) + unnamed_metres(music.timeline, METRES)
        writer = _Writer(grid.metres(max((note[0] for note in notes), default=0)))
        for start, end, pitch, velocity in notes:
            writer.write(start, end - start, pitch, bin_of(velocity))
        return Encoded(np.array([*writer.tokens, END], np.int16), +losses)

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Piece:
        """Decode tokens to a piece of a piano: a part for each hand, as far as both have notes.

        Notes from middle C up are the right hand's. The last bar is full. A time before the first note that is
        shorter than a bar is left out, which makes a pick-up. Raises ValueError for an id outside the vocabulary.
        """
        ids = np.asarray(tokens)
        self.vocabulary.check(ids)
        rules, notes, metres, loudness, duration, is_more = BeatTracker(), list[Note](), list[Metre](), 16, 0, False
        for token in ids.tolist():
            if token < DURATION:
                notes.append(Note(rules.time, max(1, duration), token, BIN * loudness + 2))
            elif token < SHIFT:
                duration = token - DURATION + 1 + (duration if is_more else 0)
            elif LOUDNESS <= token < BAR:
                loudness = token - LOUDNESS
            is_metre, upper = OVER <= token < END, rules.upper
            rules.advance(token)
            if is_metre and upper >= 0:
                metres.append(Metre(rules.time, *METRES.numbers[METRES.index(upper, token - OVER)]))
            is_more = DURATION <= token < SHIFT
        length = rules.time if rules.done or rules.time == rules.begin else rules.barline
        return _piece(notes, metres or [Metre(0, 4, 4)], length, title, qpm)

    def tracker(self) -> BeatTracker:
        """Start the rules of one piece."""
        return BeatTracker(self.inputs)

    def begin(self, metre: str) -> tuple[int, ...]:
        """Return the tokens that name `metre`. Raises ValueError for a metre without any."""
        return metre_tokens(METRES.named(metre))

    def variants(self, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
        """List the semitones by which a piece may move within lowest to highest, the fewest first."""
        pitches = tokens[tokens < DURATION]
        low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 60)
        least, most = max(0, min(low, lowest)), min(127, max(high, highest))
        return [shift for shift in TRANSPOSITIONS if least <= low + shift and high + shift <= most]

    def vary(self, tokens: np.ndarray, variant: int) -> np.ndarray:
        """Transpose a piece by one of `variants`."""
        return np.where(tokens < DURATION, tokens + variant, tokens).astype(tokens.dtype)

    def feature_rows(self, tokens: np.ndarray) -> np.ndarray:
        """Compute the features before each token, (tokens, F) int16; its end is not known.

        Those of a transposition are found from those of the lowest one.
        """
        ids = np.asarray(tokens, np.int64)
        pitches = ids[ids < DURATION]
        down = int(pitches.min()) if len(pitches) else 0
        rows = _rows(self, self.vary(ids, -down).tobytes())
        if "echo" in self.inputs:
            rows = rows.copy()
            rows[:, -2] += down * ((rows[:, -2] >= 1) & (rows[:, -2] <= DURATION))
        return rows


def metre_tokens(index: int) -> tuple[int, ...]:
    """List the tokens of a metre by its index."""
    return tuple(first + place for first, place in zip((METRE, OVER), METRES.tokens(index), strict=True))


class _Grid:
    """The steps of ticks on a timeline, counted from the barline that a pick-up leaves out."""

    def __init__(self, timeline: Timeline):
        late = timeline.bar_ticks(timeline.metre) - timeline.pickup if timeline.pickup else Fraction(0)
        self._timeline, self._late = timeline, Fraction(late)
        self._per_step = Fraction(timeline.ticks_per_quarter, STEPS)

    def _exact(self, tick: int) -> tuple[int, int]:
        """Return steps as a numerator and a denominator."""
        late, per = self._late, self._per_step
        return (tick * late.denominator + late.numerator) * per.denominator, late.denominator * per.numerator

    def step(self, tick: int) -> int:
        """Return the nearest step to a tick."""
        upper, lower = self._exact(tick)
        return (2 * upper + lower) // (2 * lower)

    def is_off(self, tick: int) -> bool:
        """Tell whether a tick lies between two steps."""
        upper, lower = self._exact(tick)
        return upper % lower != 0

    def rounded(self, music: Melody | Piece) -> Counter[str]:
        """Count the notes that are moved, and others that are resized, since they lie off the steps."""
        parts: Sequence[Any] = (music,) if isinstance(music, Melody) else music.parts
        notes = [note for part in parts if not getattr(part, "is_drum", False) for note in part.notes]
        moved = [self.is_off(note.start) for note in notes]
        resized = [not is_moved and self.is_off(note.end) for note, is_moved in zip(notes, moved, strict=True)]
        return Counter(moved=sum(moved), resized=sum(resized))

    def metres(self, last: int) -> list[tuple[int, int]]:
        """List step and index of each metre up to the step `last`.

        None begins within the first bar, which would be a pick-up, and none that goes on as it was.
        """
        found = [(0, METRES.index_of(*self._timeline.metre[1:3]))]
        for tick, index in metre_changes(self._timeline, METRES):
            step, (since, before) = self.step(tick), found[-1]
            goes_on = index == before and (step - since) % BARS[before] == 0
            if BARS[found[0][1]] <= step <= last and step > since and not goes_on:
                found.append((step, index))
        return found


class _Writer:
    """The tokens of notes that come in order. metres: step and index of each."""

    def __init__(self, metres: list[tuple[int, int]]):
        (_, index), *self._changes = metres
        self.tokens = list(metre_tokens(index))
        self._time = self._begin = 0
        self._bar = BARS[index]
        self._duration = self._loudness = -1

    def write(self, start: int, duration: int, pitch: int, loudness: int) -> None:
        """Write a note, and what is not yet as it is to be."""
        while self._changes and self._changes[0][0] <= start:
            step, index = self._changes.pop(0)
            self._go_to(step)
            self.tokens += metre_tokens(index)
            self._begin, self._bar = step, BARS[index]
        self._go_to(start)
        if loudness != self._loudness:
            self.tokens.append(LOUDNESS + loudness)
        if duration != self._duration:
            self.tokens += _spelled(DURATION, duration)
        self.tokens.append(pitch)
        self._duration, self._loudness = duration, loudness

    def _go_to(self, step: int) -> None:
        """Go on to a step, bar by bar and then within the bar."""
        while step >= self._begin + self._bar:
            self._begin = self._time = self._begin + self._bar
            self.tokens.append(BAR)
        self.tokens += _spelled(SHIFT, step - self._time)
        self._time = step


def _spelled(first: int, steps: int) -> list[int]:
    """Spell steps as tokens from `first` on: whole notes, then the rest."""
    if not steps:
        return []
    full = (steps - 1) // FULL
    return [first + FULL - 1] * full + [first - 1 + steps - FULL * full]


def _piece(notes: list[Note], metres: list[Metre], length: int, title: str, qpm: float) -> Piece:
    """Make a piece of a piano from notes in steps, counted from a barline."""
    first, bar = metres[0], BARS[METRES.index_of(*metres[0][1:3])]
    opening = min((note.start for note in notes), default=0)
    late = opening if 0 < opening < bar < length and not any(0 < m.tick < bar for m in metres) else 0
    named = {0: first} | ({bar - late: first._replace(tick=bar - late)} if late else {})
    named |= {metre.tick - late: metre._replace(tick=metre.tick - late) for metre in metres[1:]}
    timeline = Timeline(STEPS, length - late, tuple(named[tick] for tick in sorted(named)), tempos=(Tempo(0, qpm),))
    moved = [note._replace(start=note.start - late) for note in notes]
    hands = [[n for n in moved if n.pitch >= MIDDLE], [n for n in moved if n.pitch < MIDDLE]]
    return Piece(tuple(Part(tuple(hand), "Piano") for hand in hands if hand), timeline, title)


@lru_cache(maxsize=KEPT_ROWS)
def _rows(encoding: BeatsEncoding, content: bytes) -> np.ndarray:
    """Compute the features of a piece by its rules, its tokens as bytes of int64."""
    rules, rows = encoding.tracker(), []
    for token in np.frombuffer(content, np.int64).tolist():
        rows.append(rules.features())
        rules.advance(token)
    return np.array(rows, np.int16).reshape(-1, len(encoding.features))

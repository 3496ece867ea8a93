"""events: music as it is played, in the 388 events of PerformanceRNN and an `end`.

    velocity 20 | note_on 60 | time_shift 49 | note_off 60 | note_on 64 | ... | end

0-127 start a note, 128-255 end one, 256-355 go on by 10 ms to 1 s, 356-387 set how loud the next notes are. There are
no bars: times are rounded to 10 ms, velocities to one of 32 bins. Source: Simon & Oore 2017, "Performance RNN:
Generating Music with Expressive Timing and Dynamics"; Oore et al. 2018, "This Time with Feeling" (arXiv 1808.03715).

One spelling for each piece: at one moment notes end before others start, each from low to high; a shift of less than
a second is followed by something else; a velocity is named where it changes, just before a note.

Features, known to a caller alone and unknown elsewhere: `density`, how many notes start in a second of the next
three; `pitches`, how large a share each pitch class has of the notes of the next five seconds. In training each is
known for half of what is read, so that one network plays with them and without. `held` follows from the events
before: which note has sounded longest, for how long, and how many sound; without it a network forgets to end notes.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from ritornello.encoding.features import Feature
from ritornello.encoding.protocol import Encoded
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.music.values import Melody, Note, Part, Piece, Tempo, Timeline

STEPS = 100  # a second
OFF, SHIFT, LOUDNESS, END = 128, 256, 356, 388  # first ids
SHIFTS, BINS = 100, 32
BIN = 4  # MIDI velocities
TRANSPOSITIONS = (0, 1, 2, 3, 4, -4, -3, -2, -1)  # within a major third
STRETCHES = (1.0, 0.95, 0.975, 1.025, 1.05)  # Oore et al. 2018, section 5
INPUTS = ("density", "pitches", "held")
WINDOWS = {"density": 300, "pitches": 500}  # steps
DENSITIES = 14  # from half a note a second on, two to each doubling
SHARES = (0.0, 0.1, 0.2)  # upper edges of the shares of pitch classes
KNOWN = 0.5  # of what is read in training
HELD = (5, 10, 15, 20, 30, 40, 50, 70, 100, 140, 200, 280, 400, 560)  # steps that a note has sounded: edges of values
LONGEST = 1500  # steps after which a note must end
MOST_HELD = 11  # notes sounding at a time that are told apart, and more
AHEAD = 1.5  # seconds by which a piece may be ahead of the notes a second asked for
OUTSIDE = 0.08  # of the notes may lie outside the pitch classes asked for, and one more


@dataclass(frozen=True)
class EventsEncoding:
    """Performance events. inputs: of `density`, `pitches` and `held`. Raises ValueError for another input."""

    inputs: tuple[str, ...] = ()
    name: ClassVar[str] = "events"
    keeps: ClassVar[str] = "all"
    also_says: ClassVar[tuple[str, ...]] = ("loudness",)
    memory: ClassVar[tuple[str, ...]] = ()
    is_steered: ClassVar[bool] = True
    end: ClassVar[int] = END
    parts: ClassVar[tuple[int, ...]] = (END + 1,)
    vocabulary: ClassVar[Vocabulary] = Vocabulary.of(
        ("note_on", 128, "a note of this pitch starts"),
        ("note_off", 128, "the note of this pitch ends"),
        ("time_shift", SHIFTS, "10 ms pass, and 10 ms more for each"),
        ("velocity", BINS, "what starts from here on is so loud, in steps of 4 of MIDI's velocity"),
        ("end", 1, "the piece is over"),
    )

    def __post_init__(self) -> None:
        names = (self.inputs,) if isinstance(self.inputs, str) else tuple(self.inputs)
        for name in names:
            if name not in INPUTS:
                raise ValueError(f"no such side input of events: {name!r}; there are {', '.join(INPUTS)}")
        object.__setattr__(self, "inputs", tuple(name for name in INPUTS if name in names))

    @property
    def features(self) -> tuple[Feature, ...]:
        """A column for the density, one for the share of each pitch class, C first, and three of what sounds.

        These are the pitch of the note that has sounded longest, for how long it has, and how many notes sound.
        """
        columns = [Feature("density", DENSITIES + 1)] if "density" in self.inputs else []
        if "pitches" in self.inputs:
            columns += [Feature(f"pitch_class_{n}", len(SHARES) + 2) for n in range(12)]
        if "held" in self.inputs:
            columns += [
                Feature("held_pitch", 129),
                Feature("held_for", len(HELD) + 2),
                Feature("sounding", MOST_HELD + 1),
            ]
        return tuple(columns)

    def to_dict(self) -> dict[str, Any]:
        """Return name and options, ready for JSON."""
        return {"name": self.name, **asdict(self), "inputs": list(self.inputs)}

    def encode(self, music: Melody | Piece, /) -> Encoded:
        """Encode the notes of all parts but percussion.

        losses: `lost`, notes that start with another of their pitch, and percussion; `resized`, notes that the next
        one of their pitch cuts short, and those shorter than 10 ms.
        """
        notes, losses = notes_in_steps(music, _Clock(music.timeline).step)
        changes = [(start, 1, pitch, velocity) for start, _, pitch, velocity in notes]
        changes += [(end, 0, pitch, 0) for _, end, pitch, _ in notes]
        tokens, time, loudness = list[int](), 0, -1
        for at, is_start, pitch, velocity in sorted(changes):
            tokens += _shifts(at - time)
            time = at
            if is_start:
                if loudness != (loudness := bin_of(velocity)):
                    tokens.append(LOUDNESS + loudness)
                tokens.append(pitch)
            else:
                tokens.append(OFF + pitch)
        return Encoded(np.array([*tokens, END], np.int16), +losses)

    def decode(self, tokens: Sequence[int] | np.ndarray, title: str = "", qpm: float = 120.0) -> Piece:
        """Decode events to a piece of one part, a tick for each 10 ms.

        What still sounds at the end ends there. qpm: the nearest tempo whose quarter is a whole number of ticks; it
        changes no time. Raises ValueError for an id outside the vocabulary.
        """
        ids = np.asarray(tokens)
        self.vocabulary.check(ids)
        notes, sounding, time, velocity = list[Note](), dict[int, tuple[int, int]](), 0, BIN * 16 + 2

        def stop(pitch: int) -> None:
            if pitch in sounding:
                start, loud = sounding.pop(pitch)
                notes.append(Note(start, max(1, time - start), pitch, loud))

        for token in ids.tolist():
            if token < OFF:
                stop(token)
                sounding[token] = time, velocity
            elif token < SHIFT:
                stop(token - OFF)
            elif token < LOUDNESS:
                time += token - SHIFT + 1
            elif token < END:
                velocity = BIN * (token - LOUDNESS) + 2
        for pitch in list(sounding):
            stop(pitch)
        per_quarter = max(1, round(60 * STEPS / qpm))
        timeline = Timeline(per_quarter, time, tempos=(Tempo(0, 60 * STEPS / per_quarter),))
        return Piece((Part(tuple(notes), "Piano"),), timeline, title)

    def tracker(self) -> EventsTracker:
        """Start the rules of one piece."""
        return EventsTracker(self.inputs)

    def variants(self, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
        """List ways to vary a piece: to move it within a major third, and to stretch it.

        It stays as long as it is, or becomes 2.5 or 5 % longer or shorter. Those that only move it come first.
        """
        pitches = tokens[tokens < OFF]
        low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 60)
        least, most = max(0, min(low, lowest)), min(127, max(high, highest))
        fit = [n for n, shift in enumerate(TRANSPOSITIONS) if least <= low + shift and high + shift <= most]
        return [len(TRANSPOSITIONS) * stretch + n for stretch in range(len(STRETCHES)) for n in fit]

    def vary(self, tokens: np.ndarray, variant: int) -> np.ndarray:
        """Move and stretch a piece by a number of `variants`."""
        stretch, place = divmod(variant, len(TRANSPOSITIONS))
        ids = np.where(tokens < SHIFT, tokens + TRANSPOSITIONS[place], tokens)
        if not stretch:
            return ids.astype(tokens.dtype)
        is_shift = (ids >= SHIFT) & (ids < LOUDNESS)
        times = np.where(is_shift, ids - SHIFT + 1, 0).cumsum()[~is_shift]
        gaps = np.diff(np.rint(times * STRETCHES[stretch]).astype(np.int64), prepend=0)
        full = np.maximum(gaps - 1, 0) // SHIFTS
        counts = 1 + full + (gaps > 0)  # tokens of each event: whole seconds, the rest of its shift, itself
        made = np.full(counts.sum(), SHIFT + SHIFTS - 1)
        places = counts.cumsum() - 1
        made[places] = ids[~is_shift]
        has_rest = gaps > 0
        made[places[has_rest] - 1] = SHIFT - 1 + (gaps - SHIFTS * full)[has_rest]
        return made.astype(tokens.dtype)

    def feature_rows(self, tokens: np.ndarray) -> np.ndarray:
        """Compute the features before each token where nothing is asked for, (tokens, F) int16."""
        rows = np.zeros((len(tokens), len(self.features)), np.int16)
        if "held" in self.inputs:
            rows[:, -3:] = held_rows(np.asarray(tokens))
        return rows

    def given_rows(self, tokens: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Compute the features before each token as they are known in training, (tokens, F).

        Density and pitches are each known or not for all of these tokens, as `random` decides.
        """
        ids = tokens.astype(np.int64)
        times = np.where((ids >= SHIFT) & (ids < LOUDNESS), ids - SHIFT + 1, 0).cumsum()
        times = np.concatenate([[0], times[:-1]])  # before each token
        columns = []
        for name in self.inputs:
            if name == "held":
                columns.append(held_rows(ids))
                continue
            stop = np.searchsorted(times, times + WINDOWS[name])
            starts = ids[:, None] % 12 == np.arange(12) if name == "pitches" else np.ones((len(ids), 1), bool)
            sums = np.concatenate([np.zeros((1, starts.shape[1]), int), (starts & (ids < OFF)[:, None]).cumsum(0)])
            counts = sums[stop] - sums[:-1]
            if random.random() >= KNOWN:
                columns.append(np.zeros_like(counts))
            elif name == "density":
                columns.append(density_values(counts * STEPS / WINDOWS[name]))
            else:
                columns.append(share_values(counts))
        return np.concatenate(columns, 1).astype(np.int16) if columns else np.zeros((len(ids), 0), np.int16)


class EventsTracker:
    """The rules of one piece (see `protocol.Rules`), and the time that it has reached.

    densities: notes a second to aim at, at even distances over `length` seconds, () for unknown. shares: values of
    the pitch classes, () for unknown. A caller may set them at any time.
    """

    part = 0

    def __init__(self, inputs: tuple[str, ...] = ()):
        self.inputs = inputs
        self.sounding = np.zeros(128, bool)
        self._held: dict[int, int] = {}  # when each note that sounds began, by pitch, the first of them first
        self.time = self.notes = 0
        self.done = False
        self.densities: tuple[float, ...] = ()
        self.length = 0.0
        self.shares: tuple[int, ...] = ()
        self._since = (0.0, 0)  # seconds and notes from which densities count
        self._inside: np.ndarray | None = None  # pitches of the classes asked for
        self._outside = 0  # notes of others
        self._loudness = -1
        self._last = -1  # token before
        self._lowest_off = self._lowest_on = 0  # at this moment

    def steer(
        self,
        densities: Sequence[float],
        seconds: float,
        pitch_classes: Iterable[int],
        since: tuple[float, int] = (0.0, 0),
    ) -> None:
        """Ask for notes a second over the time, and for pitch classes; () leaves either unknown.

        since: seconds and notes of the piece from which it is asked.
        """
        classes = list(pitch_classes)
        self.densities, self.length, self._since = tuple(densities), seconds, since
        counts = np.isin(np.arange(12), classes).astype(int)
        self.shares = tuple(share_values(counts).tolist()) if classes else ()
        self._inside = np.isin(np.arange(128) % 12, classes) if classes else None

    @property
    def seconds(self) -> float:
        """Seconds that have passed."""
        return self.time / STEPS

    def legal(self) -> np.ndarray:
        """Tell which events may come next, (389,) of bool."""
        mask = np.zeros(END + 1, bool)
        if self.done:
            return mask
        pitch, began = next(iter(self._held.items()), (0, self.time))
        if self.time - began >= LONGEST and pitch >= self._lowest_off and not LOUDNESS <= self._last < END:
            mask[OFF + pitch] = True
            return mask
        last, sounding, starts = self._last, self.sounding, self._starts()
        if LOUDNESS <= last < END:
            mask[:OFF] = starts
            return mask
        if self._loudness >= 0:
            mask[:OFF] = starts
        mask[OFF + self._lowest_off : SHIFT] = sounding[self._lowest_off :]
        has_other = starts.any() or mask[OFF:SHIFT].any()
        mask[SHIFT:LOUDNESS] = not has_other or not SHIFT <= last < SHIFT + SHIFTS - 1
        if starts.any():
            mask[LOUDNESS:END] = True
            if self._loudness >= 0:
                mask[LOUDNESS + self._loudness] = False
        mask[END] = self.notes > 0 and not sounding.any()
        return mask

    def _starts(self) -> np.ndarray:
        """Tell which notes may start, (128,) of bool.

        What is asked for is kept to where the network strays.
        """
        if self.densities and self.notes + 1 > self._asked(self.seconds + AHEAD):
            return np.zeros(128, bool)
        starts = ~self.sounding
        starts[: self._lowest_on] = False
        if self._inside is not None and self._outside > OUTSIDE * self.notes:
            starts &= self._inside
        return starts

    def features(self) -> tuple[int, ...]:
        """Compute the features: what a caller asks for, 0 for unknown, and what sounds.

        The density asked for is what it takes to be right on average at the end of the window.
        """
        values: tuple[int, ...] = ()
        if "density" in self.inputs:
            values += (self._density(),)
        if "pitches" in self.inputs:
            values += self.shares or (0,) * 12
        return values + (held_values(self._held, self.time) if "held" in self.inputs else ())

    def _density(self) -> int:
        if not self.densities:
            return 0
        window = WINDOWS["density"] / STEPS
        owed = self._asked(self.seconds + window) - self.notes
        return int(density_values(np.array(max(0.0, owed) / window)))

    def _asked(self, seconds: float) -> float:
        """Integrate the curve of densities from where they are asked for, linear between its points."""
        points, (since, notes) = self.densities, self._since
        seconds -= since
        if len(points) == 1 or self.length <= 0:
            return notes + points[0] * seconds
        apart = self.length / (len(points) - 1)
        total = float(notes)
        for n, (left, right) in enumerate(pairwise(points)):
            share = min(max(seconds - n * apart, 0.0), apart) / apart
            total += apart * share * (left + (right - left) * share / 2)
        return total + points[-1] * max(0.0, seconds - self.length)

    def advance(self, token: int) -> None:
        """Go on by one event."""
        hold(self._held, token, self.time)
        if token < OFF:
            self.sounding[token] = True
            self.notes += 1
            self._outside += self._inside is not None and not self._inside[token]
            self._lowest_on, self._lowest_off = token + 1, 128
        elif token < SHIFT:
            self.sounding[token - OFF] = False
            self._lowest_off = token - OFF + 1
        elif token < LOUDNESS:
            self.time += token - SHIFT + 1
            self._lowest_on = self._lowest_off = 0
        elif token < END:
            self._loudness = token - LOUDNESS
        else:
            self.done = True
        self._last = token

    def copy(self) -> Self:
        """Return rules that go on from here by themselves."""
        other = copy(self)
        other.sounding, other._held = self.sounding.copy(), self._held.copy()
        return other


def bin_of(velocity: int) -> int:
    """Find the bin of a MIDI velocity, 0 to 31."""
    return (velocity - 1) // BIN


def hold(held: dict[int, int], token: int, time: int) -> None:
    """Take note of an event in what sounds.

    held: when each note began, in steps, by pitch, the first of them first.
    """
    if token < SHIFT:
        held.pop(token % OFF, None)
    if token < OFF:
        held[token] = time


def held_values(held: dict[int, int], time: int) -> tuple[int, int, int]:
    """Compute the features of what sounds: 0, 0, 0 for silence.

    held: when each note began, in steps, by pitch, the first of them first.
    """
    for pitch, start in held.items():
        return 1 + pitch, 1 + bisect_right(HELD, time - start), min(len(held), MOST_HELD)
    return 0, 0, 0


def held_rows(ids: np.ndarray) -> np.ndarray:
    """Compute the features of what sounds before each event, (tokens, 3)."""
    held: dict[int, int] = {}
    time, rows = 0, []
    for token in ids.tolist():
        rows.append(held_values(held, time))
        hold(held, token, time)
        time += token - SHIFT + 1 if SHIFT <= token < LOUDNESS else 0
    return np.array(rows, np.int64).reshape(-1, 3)


def density_values(per_second: np.ndarray) -> np.ndarray:
    """Convert notes a second to the values of `density`.

    1 for less than half a note, then two to each doubling.
    """
    found = 2 + np.rint(2 * np.log2(np.maximum(per_second, 1e-9) / 0.5))
    return np.clip(found, 1, DENSITIES).astype(np.int64)


def share_values(counts: np.ndarray) -> np.ndarray:
    """Convert counts of pitch classes, (..., 12), to the values of `pitches`; 0 without notes."""
    total = counts.sum(-1, keepdims=True)
    shares = counts / np.maximum(total, 1)
    return np.where(total > 0, 1 + np.searchsorted(SHARES, shares, side="left"), 0)


def _shifts(steps: int) -> list[int]:
    """Write a time as shifts: whole seconds, then the rest."""
    if steps <= 0:
        return []
    full = (steps - 1) // SHIFTS
    return [SHIFT + SHIFTS - 1] * full + [SHIFT - 1 + steps - SHIFTS * full]


def notes_in_steps(
    music: Melody | Piece, step: Callable[[int], int]
) -> tuple[list[tuple[int, int, int, int]], Counter[str]]:
    """List start and end in steps, pitch and velocity of notes, and the losses.

    No note sounds over another one of its pitch. step: finds the nearest one to a tick.
    """
    parts: Sequence[Any] = (music,) if isinstance(music, Melody) else music.parts
    losses = Counter(lost=sum(len(part.notes) for part in parts if getattr(part, "is_drum", False)))
    found = sorted(
        (step(note.start), note.pitch, step(note.end), note.velocity)
        for part in parts
        if not getattr(part, "is_drum", False)
        for note in part.notes
    )
    made: list[tuple[int, int, int, int]] = []
    last: dict[int, int] = {}  # place of the last note of each pitch
    for start, pitch, end, velocity in found:
        losses["resized"] += end <= start
        end = max(end, start + 1)
        before = last.get(pitch)
        if before is not None and made[before][0] == start:
            losses["lost"] += 1
            first, other, _, loud = made[before]
            made[before] = first, max(other, end), pitch, max(loud, velocity)
            continue
        if before is not None and made[before][1] > start:
            losses["resized"] += 1
            made[before] = (made[before][0], start, *made[before][2:])
        last[pitch] = len(made)
        made.append((start, end, pitch, velocity))
    return made, losses


class _Clock:
    """The steps of ticks on a timeline, through every tempo."""

    def __init__(self, timeline: Timeline):
        self._ticks = [tempo.tick for tempo in timeline.tempos]
        self._rates = [60 * STEPS / tempo.qpm / timeline.ticks_per_quarter for tempo in timeline.tempos]
        self._steps = [0.0]
        for (left, right), rate in zip(pairwise(self._ticks), self._rates, strict=False):
            self._steps.append(self._steps[-1] + (right - left) * rate)

    def step(self, tick: int) -> int:
        """Return the nearest step to a tick."""
        place = bisect_right(self._ticks, tick) - 1
        return math.floor(self._steps[place] + (tick - self._ticks[place]) * self._rates[place] + 0.5)

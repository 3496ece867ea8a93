"""Music as it is played, by two: what both played is fed as events in time, what may follow is drawn.

The network's time is seconds, at the tempo of the dial; the line's is quarters. Notes sound together and ring beyond
the stretch that is planned: their ends are drawn with them, and later events are drawn among these ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.played.events import BIN, END, LOUDNESS, OFF, SHIFT, SHIFTS, STEPS, EventsTracker
from ritornello.generate.draw import Dice, draw_likely, rounded
from ritornello.generate.options import LEAST_DENSITY
from ritornello.live.dials import Dials
from ritornello.live.line.harmony import allowed_pitches, chord_weights, named_scale
from ritornello.live.line.history import GRID
from ritornello.live.line.line import draw_options
from ritornello.live.values import LineNote
from ritornello.model.file import ModelFile
from ritornello.model.network import Network, probabilities
from ritornello.model.players import Players
from ritornello.music.values import Key, Note, Part, Piece, Tempo, Timeline

USUAL = 6.0  # notes a second, about those of the piano parts that the shipped model learned
SILENCE = 8  # quarters, after which a piece begins anew
PAUSE = 2  # quarters without a note of its own, after which it plays at once
MOST_NOTES, KEPT_NOTES = 240, 96  # that are fed
LONGEST = 4 * STEPS  # that a note rings beyond what is planned
PLACES = 12  # to go back to where notes are taken back
LOUD = 20  # bin of a first note that has none
CLOCK = Timeline(STEPS, tempos=(Tempo(0, 60.0),))  # a tick is a step


class Played(NamedTuple):
    """A note that was played. start, end: in quarters."""

    start: Fraction
    end: Fraction
    pitch: int
    velocity: int
    is_own: bool


class Stretch(NamedTuple):
    """What is being drawn, in steps: notes from `first` up to `stop`, over at `last`.

    coming: ends of notes that sound already, (step, pitch) in order. pitches: (128,) of bool, those that may be.
    """

    first: int
    stop: int
    last: int
    coming: list[tuple[int, int]]
    pitches: np.ndarray


class Drawn(NamedTuple):
    """A note that was drawn, in steps."""

    start: int
    pitch: int
    velocity: int
    bits: float
    end: int = 0


class Performer:
    """Notes by two, any number at a time. They depend on what was fed, dials, seed and the number of proposals.

    Raises ValueError for a network of other music.
    """

    is_melody = False
    key: Key | None = None

    def __init__(self, network: Network, encoding: Any, seed: int = 0, dials: Dials = Dials()):
        if not isinstance(encoding.tracker(), EventsTracker):
            raise ValueError(f"a model in the encoding {encoding.name!r} writes no performances: take one in events")
        self.dials, self.seed, self.count = dials, seed, 0
        self._network, self._encoding = network, encoding
        self._snapshots: dict[str, tuple[tuple[Played, ...], Fraction]] = {}
        self._chord: frozenset[int] = frozenset()
        self.reset()

    @classmethod
    def of(cls, model: ModelFile, seed: int = 0, dials: Dials = Dials()) -> Performer:
        """Make the performer of a model."""
        return cls(model.build(), model.encoding, seed, dials)

    def reset(self) -> None:
        """Forget what was played."""
        self._notes: list[Played] = []
        self._reached = self._since = Fraction(0)  # the end of the last proposal; from where a density is asked for
        self._density = 0.0
        self._players = Players(self._network, self._encoding, 1, with_rules=True)
        self._fed: list[int] = []
        self._places = [(0, self._players.snapshot())]

    def snapshot(self, name: str) -> None:
        """Keep what was played under a name."""
        self._snapshots[name] = tuple(self._notes), self._reached

    def recall(self, name: str) -> None:
        """Return to what was kept under a name, as if it had just been played.

        Raises ValueError for an unknown one.
        """
        if name not in self._snapshots:
            raise ValueError(f"no snapshot {name!r}; there are {', '.join(self._snapshots) or 'none'}")
        notes, reached = self._snapshots[name]
        later = self._reached - reached
        self._notes = [note._replace(start=note.start + later, end=note.end + later) for note in notes]

    def heard(self, notes: Sequence[LineNote]) -> None:
        """Add what the player played, when it was played."""
        self._add([note._replace(start=note.start + Fraction(note.push).limit_denominator(1000)) for note in notes])

    def accept(self, notes: Sequence[LineNote]) -> None:
        """Add what the machine plays."""
        self._add(notes, is_own=True)

    def _add(self, notes: Sequence[LineNote], is_own: bool = False) -> None:
        self._notes += [Played(note.start, note.end, note.pitch, note.velocity, is_own) for note in notes]
        self._notes.sort()
        if len(self._notes) > MOST_NOTES:
            del self._notes[:-KEPT_NOTES]

    def prime(self, notes: Sequence[Sequence[int]], end: Fraction) -> None:
        """Take notes as just played by the player, up to a place, instead of all before.

        notes: as of `Line.prime`. Raises ValueError for notes that cannot be.
        """
        if not all(len(n) == 4 and n[0] >= 0 and n[1] > 0 and all(0 <= p <= 127 for p in n[2:]) for n in notes):
            raise ValueError("a primer has notes of (start, duration, pitch, velocity)")
        zero = end - max((Fraction(n[0] + n[1], GRID) for n in notes), default=Fraction(0))
        self._notes = []
        self._add([LineNote(zero + Fraction(at, GRID), Fraction(n, GRID), p, max(1, v)) for at, n, p, v in notes])

    def begin_tune(self, start: Fraction) -> None:
        """Begin a piece: forget what the machine played."""
        self._notes = [note for note in self._notes if not note.is_own]

    def take_back(self, start: Fraction) -> None:
        """Remove the machine's notes that begin at `start` or later."""
        self._notes = [note for note in self._notes if not (note.is_own and note.start >= start)]

    def chord(self, pitches: Iterable[int]) -> None:
        """Set the pitches that the left hand holds."""
        self._chord = frozenset(pitch % 12 for pitch in pitches)

    def propose(self, start: Fraction, until: Fraction, dials: Dials, ends: Fraction | None = None) -> list[LineNote]:
        """Compose the notes that begin from `start` up to `until`.

        ends: where the phrase is to be over, and all notes with it.
        """
        self.dials, self._reached = dials, until
        self.count += 1
        stop = until if ends is None else min(until, ends)
        if stop <= start:
            return []
        begins = not any(note.is_own and note.end > start - PAUSE for note in self._notes)
        self._since = start if begins else self._since
        stretch = self._read(start, stop, stop + LONGEST * self._step if ends is None else ends)
        if begins:
            self._wait(stretch.first)
        return [
            LineNote(
                start + (note.start - stretch.first) * self._step,
                max(1, note.end - note.start) * self._step,
                note.pitch,
                note.velocity,
                note.bits,
            )
            for note in sorted(self._drawn(stretch, begins))
        ]

    def companion(self, note: LineNote, dials: Dials) -> LineNote | None:
        """Find a second note to one of the player's, as loud; None where the register has no room."""
        self.dials = dials
        self.count += 1
        stretch = self._read(note.start, note.start, note.start)
        self._wait(stretch.first)
        self._feed(LOUDNESS + (note.velocity - 1) // BIN)
        self._feed(note.pitch)
        free = np.zeros(END + 1, bool)
        free[:OFF] = stretch.pitches & ~self._rules.sounding
        if not free.any():
            return None
        pitch, _ = self._draw(free, Dice(self.seed, np.array([self.count])))
        return note._replace(pitch=pitch, bits=None)

    def played_by(self, model: ModelFile) -> Performer:
        """Return a performer of another model with this one's notes and number of proposals.

        Raises ValueError for a model of other music.
        """
        other = Performer.of(model, self.seed, self.dials)
        other.count, other._chord, other._notes = self.count, self._chord, self._notes.copy()
        return other

    @property
    def _step(self) -> Fraction:
        """Quarters of a step."""
        return Fraction(self.dials.qpm).limit_denominator(1000) / (60 * STEPS)

    @property
    def _rules(self) -> EventsTracker:
        rules: EventsTracker = self._players.trackers[0]
        return rules

    def _recent(self, start: Fraction) -> list[Played]:
        """List the notes that begin before a place, back to the last silence."""
        found: list[Played] = []
        before = start
        for note in reversed(self._notes):
            if note.start < start:
                if before - note.end > SILENCE:
                    break
                before = min(before, note.start)
                found.append(note)
        return found[::-1]

    def _read(self, start: Fraction, stop: Fraction, last: Fraction) -> Stretch:
        """Feed what was played before `start`, as far as it is not fed yet.

        stop, last: as of the stretch, in quarters.
        """
        recent, step = self._recent(start), self._step
        zero = recent[0].start if recent else start
        first = round((start - zero) / step)
        notes = []
        for note in recent:
            begin = round((note.start - zero) / step)
            notes.append(Note(begin, max(1, round((note.end - zero) / step) - begin), note.pitch, note.velocity))
        ids = self._encoding.encode(Piece((Part(tuple(notes)),), CLOCK)).tokens[:-1]
        is_shift = (ids >= SHIFT) & (ids < LOUDNESS)
        times = np.where(is_shift, ids - SHIFT + 1, 0).cumsum()
        is_past = ~is_shift & (times <= first)
        self._feed_all(ids[: int(is_past.nonzero()[0][-1]) + 1 if is_past.any() else 0].tolist())
        self._since = max(self._since, zero)
        self._steer(start, first, sum(note.start >= self._since for note in recent))
        ends = ~is_past & (ids >= OFF) & (ids < SHIFT)
        return Stretch(
            first,
            first + int((stop - start) / step),
            first + int((last - start) / step),
            list(zip(times[ends].tolist(), (ids[ends] - OFF).tolist(), strict=True)),
            allowed_pitches(self.dials, (self.dials.low, self.dials.high)),
        )

    def _steer(self, start: Fraction, first: int, notes: int) -> None:
        """Tell the network what is asked for.

        first: steps at `start`. notes: since the density was asked for.
        """
        dials, rules = self.dials, self._rules
        density = dials.notes_per_second * dials.density or (USUAL * dials.density if dials.density != 1 else 0.0)
        if density != self._density:
            self._density, self._since, notes = density, start, 0
        seconds = (first - float((start - self._since) / self._step)) / STEPS
        classes = named_scale(dials.scale)[1] if dials.scale else ()
        asked = (max(LEAST_DENSITY, density),) if density else ()
        rules.steer(asked, 0.0, classes, since=(seconds, rules.notes - notes))

    def _feed_all(self, tokens: list[int]) -> None:
        """Feed these tokens, from where they differ from what was fed."""
        pairs = zip(self._fed, tokens, strict=False)
        known = next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(self._fed), len(tokens)))
        while self._places[-1][0] > known:
            self._places.pop()
        count, place = self._places[-1]
        self._players.restore(place)
        self._fed = tokens[:count]
        for token in tokens[count:]:
            self._feed(token)
        self._places.append((len(tokens), self._players.snapshot()))
        del self._places[1:-PLACES]

    def _feed(self, token: int) -> None:
        self._players.feed(np.array([token]))
        self._fed.append(token)

    def _wait(self, step: int) -> None:
        """Let time pass up to a step."""
        while (left := step - self._rules.time) > 0:
            self._feed(SHIFT - 1 + min(left, SHIFTS))

    def _drawn(self, stretch: Stretch, begins: bool) -> list[Drawn]:
        """Draw the notes of a stretch with their ends. begins: whether one of them begins at once."""
        dice, coming = Dice(self.seed, np.array([self.count])), stretch.coming
        loudness = next((token - LOUDNESS for token in reversed(self._fed) if token >= LOUDNESS), LOUD)
        begun: dict[int, Drawn] = {}
        made: list[Drawn] = []
        while True:
            now = self._rules.time
            token, bits = self._draw(self._possible(stretch, begun, begins and not begun and not made), dice)
            if SHIFT <= token < LOUDNESS:
                now += token - SHIFT + 1
                if now >= (stretch.last if begun else stretch.stop):
                    return made + [note._replace(end=stretch.last) for note in begun.values()]
                if coming and coming[0][0] <= now:
                    self._end(coming)
                    continue
            elif token >= LOUDNESS:
                loudness = token - LOUDNESS
            elif token >= OFF:
                made.append(begun.pop(token - OFF)._replace(end=now))
            else:
                begun[token] = Drawn(now, token, BIN * loudness + 2, bits)
            self._feed(token)

    def _end(self, coming: list[tuple[int, int]]) -> None:
        """Go on to the next end of a note that sounds already, and end it."""
        step = coming[0][0]
        self._wait(step)
        while coming and coming[0][0] == step:
            self._feed(OFF + coming.pop(0)[1])

    def _possible(self, stretch: Stretch, begun: Iterable[int], at_once: bool) -> np.ndarray:
        """Tell which events may come, (389,) of bool. begun: pitches of the stretch that sound."""
        found = self._rules.legal().copy()
        found[END] = False
        found[:OFF] &= stretch.pitches
        ending = np.zeros(SHIFT - OFF, bool)
        ending[list(begun)] = True
        found[OFF:SHIFT] &= ending
        wait = stretch.first - self._rules.time
        if self._rules.time >= stretch.stop or wait > 0:
            found[:OFF] = found[LOUDNESS:] = False
        if wait > 0:
            found[SHIFT : SHIFT - 1 + min(wait, SHIFTS)] = False
        elif at_once and (found[:OFF].any() or found[LOUDNESS:].any()):
            found[OFF:LOUDNESS] = False
        if not found.any():
            found[SHIFT:LOUDNESS] = True
        return found

    def _draw(self, possible: np.ndarray, dice: Dice) -> tuple[int, float]:
        """Draw one of these events; return it, and the bits that it cost the network."""
        logits = self._players.logits
        pull = np.zeros(END + 1)
        if self._chord:
            pull[:OFF] = self.dials.harmony * chord_weights(self._chord, True)[np.arange(OFF) % 12]
        biased = rounded(logits) + np.where(possible, pull, -np.inf)
        token = int(draw_likely(biased, draw_options(self.dials.temperature), dice)[0])
        return token, float(-np.log2(probabilities(logits)[0, token]))

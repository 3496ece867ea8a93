"""The melody that player and machine write together: what was played is fed, what may follow is proposed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ritornello.encoding import MelodyEncoding, Place, counts_bars
from ritornello.encoding.features import Harmony, knows_chords
from ritornello.generate.compose import counting_network
from ritornello.generate.constraints import metre_rows, split_parts, toward_chord
from ritornello.generate.draw import Dice, draw_likely, rounded
from ritornello.generate.options import GenerateOptions
from ritornello.live.dials import Dials
from ritornello.live.line.harmony import (
    allowed_pitches,
    chord_weights,
    density_bias,
    held_chord,
    named_scale,
    note_values,
    octaves_into,
)
from ritornello.live.line.history import GRID, Heading, History, Learned, steps
from ritornello.live.line.influence import circling_pitches, forbidden_pitches, group_weights, level_factors
from ritornello.live.line.intervals import BETWEEN, place_strength
from ritornello.live.line.second import SecondVoice, drawn, lowest_of, register
from ritornello.live.line.touch import USUAL, Touch
from ritornello.live.values import LineNote
from ritornello.model.file import ModelFile
from ritornello.model.network import Network, cross_entropy
from ritornello.model.players import Players
from ritornello.music.beats import bar_quarters, metre_named
from ritornello.music.keys import SURE, estimate_key
from ritornello.music.values import Key, Metre, Note

KEY_BARS = 16  # the last ones, of which the key is estimated
FAR_BARS = 8  # to where a melody goes on that has no end
JUST_PLAYED = 64  # notes, of which `taboo` forbids repeats
OWN_WEIGHT = 0.5  # of what the model expects of its second voice, beside the table of intervals
UNREACHED = -20.0  # nats of a pitch that the model cannot write here


@dataclass
class Stretch:
    """What is being composed.

    zero: quarters at which the rules count 0. end: in ticks. least: ticks that the last note must last. allowed:
    pitches of register and scale, (129,) of bool, the last for ids that start no note. played: pitches
    so far, by their starts in steps.
    """

    zero: Fraction
    metre: Metre
    end: int
    least: int
    allowed: np.ndarray
    played: dict[int, int]
    second: SecondVoice | None = None


Silence = tuple[Fraction, Fraction | None, Fraction | None]
"""A silence that was composed beyond a place: the place, where it ends (None with the phrase), and `ends` then."""


class Line:
    """One melody by two. The notes that it proposes depend on what was fed, dials, seed and the number of proposals.

    pitch_range: lowest and highest pitch that the network learned. key: found or given, None before.
    Raises ValueError for a network without bars.
    """

    is_melody = True

    def __init__(
        self,
        network: Network,
        encoding: MelodyEncoding,
        seed: int = 0,
        dials: Dials = Dials(),
        pitch_range: tuple[int, int] = (0, 127),
    ):
        if not counts_bars(encoding):
            raise ValueError(
                f"a model in the encoding {encoding.name!r} counts no bars; an instrument plays live only with note, "
                "interval, grid or lookback"
            )
        self.dials, self.seed, self.count = dials, seed, 0
        self._network, self._encoding, self._pitch_range = counting_network(network, encoding), encoding, pitch_range
        named = np.zeros(encoding.vocabulary.size)
        named[list(metre_rows(encoding).values())] = -np.inf  # a metre is the player's to change
        self._named = split_parts(encoding, named)
        self._values: np.ndarray | None = None  # what ids of part 1 last, once it is known
        self._snapshots: dict[str, Learned] = {}
        self._knows_chords = knows_chords(encoding)
        self._held: frozenset[int] = frozenset()
        self._history = History(self._network, encoding)
        self.reset()

    @classmethod
    def of(cls, model: ModelFile, seed: int = 0, dials: Dials = Dials()) -> Line:
        """Make the line of a model."""
        return cls(model.build(), model.encoding, seed, dials, model.pitch_range)

    def played_by(self, model: ModelFile) -> Line:
        """Return a line of another model with this one's notes, touch and number of proposals.

        It has read them when this returns. Snapshots stay with their own model.
        """
        other = Line.of(model, self.seed, self.dials)
        other.count, other.key, other._held = self.count, self.key, self._held
        other._touch, other._second = copy(self._touch), copy(self._second)
        other._history.entries = self._history.entries.copy()
        for entry in other._history.entries[-1:]:
            other._players_at(other._history, Fraction(entry.end, GRID), named_metre(self.dials.metre))
        return other

    def reset(self) -> None:
        """Forget what was learned on the spot."""
        self.key: Key | None = None
        self._history.forget()
        self._duet: History | None = None  # of the machine's voice, where it is another than the player's
        self._second, self._touch = SecondVoice(), Touch()
        self._silent: Silence | None = None

    def snapshot(self, name: str) -> None:
        """Keep what was learned under a name."""
        self._snapshots[name] = self._history.learned()

    def recall(self, name: str) -> None:
        """Return to what was kept under a name.

        Raises ValueError for an unknown one.
        """
        if name not in self._snapshots:
            raise ValueError(f"no snapshot {name!r}; there are {', '.join(self._snapshots) or 'none'}")
        self._history.learn(self._snapshots[name])
        self._duet = self._silent = None

    def heard(self, notes: Sequence[LineNote]) -> None:
        """Add what the player played."""
        shift = octaves_into([note.pitch for note in notes], self.dials)
        if self.dials.mode == "duet":
            shift = 0
        self._history.add([note._replace(pitch=note.pitch + shift) for note in notes], is_own=False)
        self._touch.add(notes, named_metre(self.dials.metre))
        self._silent = None

    def prime(self, notes: Sequence[Sequence[int]], end: Fraction) -> None:
        """Take notes as just played by the player, in the place of what was.

        The line goes on from them.
        notes: (start, duration, pitch, velocity); starts from 0 on and durations in steps of the grid, 24 to a
        quarter. end: a barline up to which their bars reach, in quarters.
        Raises ValueError for notes that cannot be.
        """
        if not all(len(n) == 4 and n[0] >= 0 and n[1] > 0 and all(0 <= p <= 127 for p in n[2:]) for n in notes):
            raise ValueError("a primer has notes of (start, duration, pitch, velocity)")
        metre = named_metre(self.dials.metre)
        bar = bar_quarters(metre)
        length = -(-max((Fraction(n[0] + n[1], GRID) for n in notes), default=Fraction(0)) // bar) * bar
        first = end - length
        self._history.replace(first, end)
        self.heard([LineNote(first + Fraction(at, GRID), Fraction(n, GRID), p, v) for at, n, p, v in notes])
        self.key = self._found_key(end, metre)

    def accept(self, notes: Sequence[LineNote]) -> None:
        """Add what the machine plays."""
        self._own_history().add(notes, is_own=True)
        if self._duet and notes:
            self._second.follow(self._lead_at(notes[-1].start), notes[-1].pitch)

    def begin_tune(self, start: Fraction) -> None:
        """Begin a tune at a barline.

        It goes on from what the player has just played, if anything, and forgets what the machine played.
        """
        metre, history = named_metre(self.dials.metre), self._own_history()
        self._players_at(history, start, metre)
        history.begin_tune(start, metre)
        self._silent = None

    def take_back(self, start: Fraction) -> None:
        """Remove accepted notes that begin at `start` or later: they will not be played."""
        self._own_history().take_back(start)
        self._silent = None

    def chord(self, pitches: Iterable[int]) -> None:
        """Set the pitches that the left hand holds."""
        self._held = frozenset(pitches)

    @property
    def _chord(self) -> frozenset[int]:
        """The pitch classes that the left hand holds."""
        return frozenset(pitch % 12 for pitch in self._held)

    def _harmony(self) -> Harmony | None:
        """Return what a model that knows chords is to know of the left hand; None for nothing."""
        chord = held_chord(self._held) if self._knows_chords and self.dials.harmony else None
        return None if chord is None else Harmony((0,), (chord,), is_open=True)

    def propose(self, start: Fraction, until: Fraction, dials: Dials, ends: Fraction | None = None) -> list[LineNote]:
        """Compose the notes that begin from `start` up to `until`; nothing is fed for good.

        A rest that it composed beyond `until` is kept by the next proposal from there, and so is the end of a phrase.
        ends: where the phrase is to be over, in its last bar at the earliest.
        Raises ValueError for a metre or scale that does not exist.
        """
        self.dials = dials
        self.count += 1
        history = self._own_history()
        start = history.own_end(start)
        if self._silent and self._silent[0] == start:
            if self._silent[1] is not None:
                start = max(start, self._silent[1])
            elif self._silent[2] == ends:
                self._silent = (until, None, ends)
                return []
        self._silent = None
        if start >= (until if ends is None else min(until, ends)):
            self._silent = (until, start, ends) if start > until else None
            return []
        return self._compose(history, start, until, ends)

    def companion(self, note: LineNote, dials: Dials, held: Collection[int] | None = None) -> LineNote | None:
        """Find a second note to one of the player's, as loud as the player plays.

        In `duet` the model's own expectation of the second voice is added to the table's.
        held: pitches of a chord, where they are others than the left hand's. None where the register has no room.
        """
        self.dials = dials
        self.count += 1
        metre = named_metre(dials.metre)
        self.key = self._found_key(note.start, metre)
        chord = self._chord if held is None else frozenset(pitch % 12 for pitch in held)
        bias = self._second.bias(note.pitch, note.start, dials, metre, self.key, chord)
        if np.isneginf(bias).all():
            return None
        if dials.mode == "duet":
            bias = bias + OWN_WEIGHT * self._expected(note.start, metre, lowest_of(*register(note.pitch, dials)))
        pitch = drawn(bias, dials.temperature, Dice(self.seed, np.array([self.count])))
        self._second.follow(note.pitch, pitch)
        usual = USUAL[place_strength(note.start, metre)]
        velocity = round(usual + dials.velocity_follow * (note.velocity - usual))
        found = note._replace(pitch=pitch, velocity=velocity, bits=None)
        if dials.mode == "duet":
            self._own_history().add([found], is_own=True)
        return found

    def _own_history(self) -> History:
        """Return the notes that the machine's next one follows: in a duet those of its own voice."""
        if self.dials.mode != "duet":
            self._duet = None
            return self._history
        if self._duet is None:
            self._duet = History(self._network, self._encoding)
            self._duet.learn(self._history.learned())
        return self._duet

    def _expected(self, start: Fraction, metre: Metre, lowest: int) -> np.ndarray:
        """Return what the model expects of its own voice, (128,) in nats.

        lowest: as of `Heading`.
        """
        players, _ = self._players_at(self._own_history(), start, metre, lowest)
        pitches = players.trackers[0].pitches()
        logits = players.logits[0].astype(float)
        expected = np.full(128, UNREACHED)
        expected[pitches[pitches >= 0]] = (logits - logits[pitches >= 0].max())[pitches >= 0]
        return np.maximum(expected, UNREACHED)

    def _players_at(
        self, history: History, start: Fraction, metre: Metre, lowest: int = 127
    ) -> tuple[Players, np.ndarray]:
        """Return players that have read a history up to `start`, under the header that now fits.

        Besides, how much each note group counts in their memory. lowest: as of `Heading`.
        """
        low, high = self._register()
        for place in [*history.unread(start, metre), None]:
            at = start if place is None else place
            self.key = self._found_key(at, metre)
            heading = Heading(history.begin(at, metre, self.key), metre, self.key, (low + high) // 2, lowest)
            players = history.players_at(at, heading, place is not None)
        weights = group_weights(history.groups, self.dials, float(start))
        players.set_factors(level_factors(self._network.alphabet.memory, self.dials))
        players.weigh(weights[: players.groups])
        return players, weights

    def _found_key(self, start: Fraction, metre: Metre) -> Key | None:
        """Find the key: the one asked for, else the player's; it stays where another is not sure."""
        if self.dials.scale:
            return named_scale(self.dials.scale)[0]
        recent = [entry for entry in self._history.since(start - KEY_BARS * bar_quarters(metre)) if not entry.is_own]
        key, lead = estimate_key(Note(0, entry.end - entry.start, entry.pitch) for entry in recent)
        return key if recent and (lead >= SURE or self.key is None) else self.key

    def _register(self) -> tuple[int, int]:
        """Return lowest and highest pitch: those of the dials, else those learned and played."""
        pitches = [entry.pitch for entry in self._history.entries[-JUST_PLAYED:]]
        low, high = min([self._pitch_range[0], *pitches]), max([self._pitch_range[1], *pitches])
        return self.dials.low or low, high if self.dials.high == 127 else self.dials.high

    def _compose(self, history: History, start: Fraction, until: Fraction, ends: Fraction | None) -> list[LineNote]:
        """Draw notes from players that have read the line up to `start`."""
        metre, per = named_metre(self.dials.metre), self._encoding.ticks_per_quarter
        is_bounded = self.dials.low > 0 or self.dials.high < 127
        lowest = lowest_of(*self._register()) if is_bounded else 127
        players, weights = self._players_at(history, start, metre, lowest)
        place: Place = players.trackers[0]
        zero = start - Fraction(place.time, per)
        stop = int(-((zero - until) * per // 1))
        end = int((ends - zero) * per) if ends is not None else stop + FAR_BARS * place.bar
        place.until = end if ends is not None else -1
        place.harmony = self._harmony()
        stretch = Stretch(
            zero,
            metre,
            end,
            min(place.beat, per, end - place.time),
            np.append(allowed_pitches(self.dials, self._register()), True),
            self._just_played(start),
            copy(self._second) if self._duet else None,
        )
        dice, options = Dice(self.seed, np.array([self.count])), draw_options(self.dials.temperature)
        notes: list[LineNote] = []
        cost = 0.0
        while place.time < min(stop, end) and not place.done:
            logits = players.logits
            biased = rounded(logits) + self._bias(players, stretch)
            suggested = players.suggested() if 0 < self.dials.temperature < 1 else None
            chosen = draw_likely(biased, options, dice, suggested, self._stale(place, stretch))
            cost += float(cross_entropy(logits, chosen)[0]) / np.log(2)
            before = place.notes
            players.feed(chosen + players.first)
            if place.part:
                continue
            weights = np.append(weights, self.dials.own)
            players.weigh(weights[: players.groups])
            if place.notes > before:
                notes.append(self._note(place, stretch, cost))
            elif place.sounding >= 0 and notes:
                notes[-1] = notes[-1]._replace(duration=zero + Fraction(place.time, per) - notes[-1].start)
            cost = 0.0
        if place.done or place.sounding < 0:
            self._silent = (until, None if place.done else zero + Fraction(place.time, per), ends)
        return notes

    def _note(self, place: Place, stretch: Stretch, cost: float) -> LineNote:
        """Make a note of what has just been drawn, in the player's touch."""
        per = self._encoding.ticks_per_quarter
        start, pitch = stretch.zero + Fraction(place.onset, per), place.sounding
        stretch.played[steps(start)] = pitch
        if stretch.second:
            stretch.second.follow(self._lead_at(start), pitch)
        velocity = self._touch.velocity(start, stretch.metre, self.dials.velocity_follow)
        push = self._touch.push(start, self.dials.swing)
        return LineNote(start, Fraction(place.time - place.onset, per), pitch, velocity, cost, push)

    def _stale(self, place: Place, stretch: Stretch) -> np.ndarray | None:
        """Mask what would go round once more, (1, ids) of bool; None for nothing."""
        if place.part:
            return None
        start = stretch.zero + Fraction(place.time, self._encoding.ticks_per_quarter)
        stale = circling_pitches(stretch.played, steps(start), int(bar_quarters(stretch.metre) * GRID))
        return np.isin(place.pitches(), [*stale])[None] if stale else None

    def _just_played(self, start: Fraction) -> dict[int, int]:
        """List what was played last, by both: pitches by their starts, in steps."""
        place = steps(start)
        return {entry.start: entry.pitch for entry in self._history.entries[-JUST_PLAYED:] if entry.start < place}

    def _lead_at(self, start: Fraction) -> int | None:
        """Find the pitch of the player that sounds at a place."""
        place = steps(start)
        of_player = (entry for entry in reversed(self._history.entries) if entry.start <= place and not entry.is_own)
        entry = next(of_player, None)
        return entry.pitch if entry and entry.end > place else None

    def _bias(self, players: Players, stretch: Stretch) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf for what must not come."""
        place: Place = players.trackers[0]
        possible = place.finishable(stretch.end - place.bar, stretch.end, stretch.least)
        bias = np.where(possible, self._named[place.part], -np.inf)
        if place.part:
            if self.dials.density != 1 and self._values is None and place.pitches().max() < 0:
                self._values = note_values(place, players.first, self._encoding.ticks_per_quarter)
            return bias + density_bias(self.dials.density, None, self._values)
        pitches = place.pitches()  # (ids,), -1 for those that start no note
        bias = bias + density_bias(self.dials.density, pitches >= 0, None)
        start = stretch.zero + Fraction(place.time, self._encoding.ticks_per_quarter)
        masks = [stretch.allowed]
        if self.dials.taboo:
            masks.append(np.ones(129, bool))
            masks[1][list(forbidden_pitches([*stretch.played.values()][-JUST_PLAYED:], self.dials.taboo))] = False
        for mask in masks:
            masked = np.where(mask[pitches], bias, -np.inf)
            bias = masked if masked.max() > -np.inf else bias
        if not self._chord and not stretch.second:
            return bias
        weights = np.zeros(129)
        if self._chord:
            is_beat = place_strength(start, stretch.metre) < BETWEEN
            strength = self.dials.harmony if place.harmony is None else max(0.0, self.dials.harmony - 1)
            weights[:128] = strength * chord_weights(self._chord, is_beat)[np.arange(128) % 12]
            bias = bias + min(1.0, self.dials.harmony) * toward_chord(place)  # as when composing
        lead = self._lead_at(start) if stretch.second else None
        if stretch.second and lead is not None:
            under = stretch.second.bias(lead, start, self.dials, stretch.metre, self.key, self._chord)
            weights[:128] += np.maximum(under, UNREACHED)
        return bias + weights[pitches]


@lru_cache(maxsize=64)
def named_metre(name: str) -> Metre:
    """Read a metre by its name. Raises ValueError for anything else."""
    return metre_named(name)


@lru_cache(maxsize=64)
def draw_options(temperature: float) -> GenerateOptions:
    """Return the options of drawing."""
    return GenerateOptions(temperature=temperature)

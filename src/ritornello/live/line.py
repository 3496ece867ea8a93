"""The melody that player and machine write together: what was played is fed, what may follow is proposed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ritornello.encoding import MelodyEncoding, counts_bars
from ritornello.generate.compose import counting_network
from ritornello.generate.constraints import metre_rows, split_parts
from ritornello.generate.draw import Dice, draw_likely, rounded
from ritornello.generate.options import GenerateOptions
from ritornello.live.dials import Dials
from ritornello.live.history import Heading, History
from ritornello.live.values import LineNote
from ritornello.model.file import ModelFile
from ritornello.model.lstm import NumpyLstm
from ritornello.model.players import Players, cross_entropy
from ritornello.music.beats import metre_named
from ritornello.music.keys import SURE, estimate_key, parse_key_and_scale, parse_scale
from ritornello.music.values import Key, Metre, Note

KEY_BARS = 16  # the last ones, of which the key is estimated
FAR_BARS = 8  # to where a melody goes on that has no end


class Line:
    """One melody by two. The notes that it proposes depend on what was fed, dials, seed and the number of proposals.

    pitch_range: lowest and highest pitch that the network learned.
    Raises ValueError for a network without bars.
    """

    def __init__(
        self,
        network: NumpyLstm,
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
        self.key: Key | None = None
        self.chord_pitches: tuple[int, ...] = ()
        self._encoding, self._pitch_range = encoding, pitch_range
        self._history = History(counting_network(network, encoding), encoding)
        self._begin: Fraction | None = None
        self._named = np.zeros(encoding.vocabulary.size)
        self._named[list(metre_rows(encoding).values())] = -np.inf  # a metre is the player's to change

    @classmethod
    def of(cls, model: ModelFile, seed: int = 0, dials: Dials = Dials()) -> Line:
        """Make the line of a model."""
        return cls(model.build(), model.encoding, seed, dials, model.pitch_range)

    def heard(self, notes: Sequence[LineNote]) -> None:
        """Add what the player played."""
        shift = octaves_into([note.pitch for note in notes], self.dials)
        self._history.add([note._replace(pitch=note.pitch + shift) for note in notes], is_own=False)

    def accept(self, notes: Sequence[LineNote]) -> None:
        """Add what the machine played."""
        self._history.add(notes, is_own=True)

    def chord(self, pitches: Iterable[int]) -> None:
        """Set the pitches that the left hand holds."""
        self.chord_pitches = tuple(sorted(pitches))

    def propose(self, start: Fraction, until: Fraction, dials: Dials, ends: Fraction | None = None) -> list[LineNote]:
        """Compose the notes that begin from `start` up to `until`; nothing is fed for good.

        ends: where the phrase is to be over, in its last bar at the earliest.
        Raises ValueError for a metre or scale that does not exist.
        """
        self.dials = dials
        self.count += 1
        last = self._history.entries[-1] if self._history.entries else None
        if last and last.is_own:
            start = max(start, last.note.end)
        if start >= (until if ends is None else min(until, ends)):
            return []
        return self._compose(self._players_at(start), start, until, ends)

    def _players_at(self, start: Fraction) -> Players:
        """Return players that have read the line up to `start`, under the header that now fits."""
        metre = named_metre(self.dials.metre)
        self.key = self._found_key(start, metre)
        self._begin = self._history.begin(start, bar_of(metre), self._begin)
        low, high = self._within()
        return self._history.players_at(start, Heading(self._begin, metre, self.key, (low + high) // 2))

    def _found_key(self, start: Fraction, metre: Metre) -> Key | None:
        """Find the key: the one asked for, else the one heard; it stays where another is not sure."""
        if self.dials.scale:
            return named_scale(self.dials.scale)[0]
        since = start - KEY_BARS * bar_of(metre)
        recent = [entry.note for entry in self._history.entries if entry.note.start >= since and not entry.is_own]
        key, lead = estimate_key(Note(0, int(note.duration * 24), note.pitch) for note in recent)
        return key if recent and (lead >= SURE or self.key is None) else self.key

    def _within(self) -> tuple[int, int]:
        """Return lowest and highest pitch: those of the dials, else those learned and played."""
        pitches = [entry.note.pitch for entry in self._history.entries[-64:]]
        low, high = min([self._pitch_range[0], *pitches]), max([self._pitch_range[1], *pitches])
        return self.dials.low or low, high if self.dials.high == 127 else self.dials.high

    def _compose(self, players: Players, start: Fraction, until: Fraction, ends: Fraction | None) -> list[LineNote]:
        """Draw notes from players that have read the line up to `start`."""
        place, per = players.trackers[0], self._encoding.ticks_per_quarter
        zero = start - Fraction(place.time, per)
        stop = int(-((zero - until) * per // 1))
        end = int((ends - zero) * per) if ends is not None else stop + FAR_BARS * place.bar
        place.until = end if ends is not None else -1
        least = min(place.beat, per, end - place.time)
        dice, options = Dice(self.seed, np.array([self.count])), draw_options(self.dials.temperature)
        notes: list[LineNote] = []
        cost = 0.0
        while place.time < stop and not place.done and place.time < end:
            logits = players.logits
            biased = rounded(logits) + self._bias(place, end, least)
            suggested = players.suggested() if 0 < self.dials.temperature < 1 else None
            chosen = draw_likely(biased, options, dice, suggested)
            cost += float(cross_entropy(logits, chosen)[0]) / np.log(2)
            before = place.notes
            players.feed(chosen + players.first)
            if place.part:
                continue
            if place.notes > before:
                begun = zero + Fraction(place.onset, per)
                notes.append(LineNote(begun, Fraction(place.time - place.onset, per), place.sounding, bits=cost))
            elif place.sounding >= 0 and notes:
                notes[-1] = notes[-1]._replace(duration=zero + Fraction(place.time, per) - notes[-1].start)
            cost = 0.0
        return notes

    def _bias(self, place, end: int, least: int) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf for what must not come."""
        possible = place.finishable(end - place.bar, end, least)
        bias = np.where(possible, split_parts(self._encoding, self._named)[place.part], -np.inf)
        if place.part == 0:
            pitches = place.pitches()
            bias = bias + np.append(np.where(self._allowed(), 0.0, -np.inf), 0.0)[pitches]
            if np.isneginf(bias).all():
                bias = np.where(possible, 0.0, -np.inf)
        return bias

    def _allowed(self) -> np.ndarray:
        """Mask the pitches within the register and the scale, (128,) of bool."""
        low, high = self._within()
        pitches = np.arange(128)
        allowed = (pitches >= low) & (pitches <= high)
        if self.dials.scale:
            allowed &= np.isin(pitches % 12, list(named_scale(self.dials.scale)[1]))
        return allowed


@lru_cache(maxsize=64)
def named_metre(name: str) -> Metre:
    """Read a metre by its name. Raises ValueError for anything else."""
    return metre_named(name)


@lru_cache(maxsize=64)
def named_scale(name: str) -> tuple[Key, frozenset[int]]:
    """Read a key, "D dorian", or a scale by its pitches, "C D E G A": key and pitch classes.

    Raises ValueError for anything else.
    """
    try:
        return parse_key_and_scale(name)
    except ValueError:
        return parse_scale(name)


@lru_cache(maxsize=64)
def draw_options(temperature: float) -> GenerateOptions:
    """Return the options of drawing."""
    return GenerateOptions(temperature=temperature)


def bar_of(metre: Metre) -> Fraction:
    """Return the length of a bar in quarters."""
    return Fraction(4 * metre.numerator, metre.denominator)


def octaves_into(pitches: Sequence[int], dials: Dials) -> int:
    """Find the shortest shift by octaves that takes most of these pitches into the register."""
    shifts = sorted(range(-120, 121, 12), key=abs)
    inside = [s for s in shifts if all(0 <= pitch + s <= 127 for pitch in pitches)]

    def outside(shift: int) -> int:
        return sum(max(dials.low - p - shift, p + shift - dials.high, 0) for p in pitches)

    return min(inside, key=outside, default=0)

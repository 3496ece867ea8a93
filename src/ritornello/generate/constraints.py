"""What the player and the form allow at each step: masks and small biases, added to the logits.

Endings are composed, not cut. In the last bar `end` and a note on its first beat are favoured: no note starts with
less than a beat to go, none is broken off, silence gives way to a note, `end` waits until the last note has
lasted a beat, and a note that starts there is drawn towards the tonic.

What a token means, and which ones still lead to such an ending, the encoding's tracker says: nothing here knows
one encoding from another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ritornello.encoding import Encoding, Tracker, counts_bars
from ritornello.generate.options import GenerateOptions
from ritornello.music.keys import estimate_key, parse_key, scale_pitch_classes
from ritornello.music.values import Key

TONIC_BIAS = 3.25  # nats
END_BIAS = 1.5
LATE_NOTE_BIAS = -1.0  # on a note that would start in the last bar off its first beat
LONG_REPEAT, REPEAT_BIAS = 7, -3.0  # nats, on the same pitch once more after so many: copying must not go in circles
MOST_TOKENS = 1024  # of a tune without form that the network does not end


class Form:
    """Biases for a batch of tunes in the making; `tracker` says where each stands."""

    def __init__(self, encoding: Encoding, options: GenerateOptions, tracker: Tracker, pitch_range: tuple[int, int]):
        self._encoding, self._options, self._tracker = encoding, options, tracker
        self._begins = _begin_bias(encoding, options)
        self._allowed = allowed_pitches(options, pitch_range)
        self._pitches = np.append(np.where(self._allowed, 0.0, -np.inf), 0.0)  # the last: tokens that start no note
        steered = steering_key(options)
        self._key = parse_key(options.key) if options.key else steered
        self._tonics = np.full(len(tracker.time), -1 if steered is None else steered.tonic)
        # (13, 129): a row for each tonic, and at -1, where no tonic is known, one of zeros
        self._of_tonic = np.stack([_tonic_bias(tonic) for tonic in [*range(12), -1]])
        self._entry = np.full(len(tracker.time), -1)
        self._notes, self._pitch, self._repeats = (np.zeros(len(tracker.time), np.int64) for _ in range(3))

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone."""
        self._tonics, self._entry = self._tonics[rows], self._entry[rows]
        self._notes, self._pitch, self._repeats = self._notes[rows], self._pitch[rows], self._repeats[rows]

    def observe(self) -> None:
        """Take note of where the tunes stand; to be called before each token, drawn or given."""
        tracker = self._tracker
        enters = (self._entry < 0) & tracker.begun & (tracker.part == 0)
        self._entry = np.where(enters, tracker.time, self._entry)
        is_new = tracker.notes > self._notes
        is_same = tracker.sounding == self._pitch
        self._repeats = np.where(is_new, np.where(is_same, self._repeats, 0) + 1, self._repeats)
        self._pitch = np.where(is_new, tracker.sounding, self._pitch)
        self._notes = tracker.notes.copy()

    def bias(self, history: np.ndarray) -> np.ndarray:
        """(batch, vocabulary) to add to the logits: -inf for what must not come, small numbers for what should.

        history: (batch, tokens so far) as drawn, for the key.
        """
        tracker = self._tracker
        bar_end = self.end()
        bar_start = bar_end - tracker.bar
        possible = tracker.finishable(bar_start, bar_end, tracker.beat)
        bias = np.where(possible, self._begins, -np.inf)
        if not tracker.notes.all():
            bias[~tracker.heading(self._allowed, self._key)] = -np.inf
        if (tracker.part == 0).all():
            pitches = tracker.pitches()
            bias += self._pitches[pitches]
            stays = (self._repeats >= LONG_REPEAT)[:, None] & (pitches == self._pitch[:, None])
            bias += np.where(stays, REPEAT_BIAS, 0.0)
            last = tracker.begun & (tracker.time >= bar_start)
            if last.any():
                self._close(bias, last, tracker.time > bar_start, pitches, history)
        stuck = np.isneginf(bias).all(1)  # no pitch within reach lies in the range: better out of it than nowhere
        bias[stuck] = np.where(possible[stuck], 0.0, -np.inf)
        return bias

    def is_over(self) -> np.ndarray:
        """Tell which tunes are over, (batch,): they have ended, or without an `end` are full."""
        tracker = self._tracker
        return tracker.done | (tracker.begun & (tracker.time >= self.end()) if self._encoding.end is None else False)

    def end(self) -> np.ndarray:
        """(batch,) of int: the tick by which each tune must be over; the bar of a pick-up is not counted.

        A pick-up is what enters after its barline, or opens with half a bar of rest or more.
        """
        return (self._options.bars + self.pickups()) * self._tracker.bar

    def pickups(self) -> np.ndarray:
        """(batch,) of bool: whether a tune begins with a pick-up."""
        tracker = self._tracker
        opening = np.where(tracker.notes > 0, tracker.opening, tracker.time)
        return (self._entry > 0) | (tracker.begun & is_pickup(opening, tracker.bar))

    def _close(
        self, bias: np.ndarray, last: np.ndarray, is_late: np.ndarray, pitches: np.ndarray, history: np.ndarray
    ) -> None:
        self._find_tonics(last, history)
        bias[last] += self._of_tonic[self._tonics[last, None], pitches[last]]
        bias += np.where((last & is_late)[:, None] & (pitches >= 0), LATE_NOTE_BIAS, 0.0)
        if self._encoding.end is not None:
            bias[last, self._encoding.end] += END_BIAS

    def _find_tonics(self, last: np.ndarray, history: np.ndarray) -> None:
        for row in np.flatnonzero(last & (self._tonics < 0) & (self._tracker.notes > 0)):
            melody = self._encoding.decode(history[row])
            # A rest counts with the note before it.
            ends = [*(n.start for n in melody.notes[1:]), melody.timeline.length]
            notes = [n._replace(duration=end - n.start) for n, end in zip(melody.notes, ends, strict=True)]
            self._tonics[row] = (melody.timeline.key or estimate_key(notes)[0]).tonic


class FreeForm:
    """Biases for tunes of an encoding that counts no bars: any legal token, until the network ends the tune."""

    def __init__(self, encoding: Encoding, options: GenerateOptions, tracker: Tracker):
        self._begins, self._tracker, self._length = _begin_bias(encoding, options), tracker, 0

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone: nothing is remembered of each."""

    def observe(self) -> None:
        """Count the token that comes next."""
        self._length += 1

    def bias(self, history: np.ndarray) -> np.ndarray:
        """Return (batch, vocabulary) to add to the logits: -inf for tokens that are not legal.

        Neither are the beginnings of other metres than the one asked for.
        """
        return np.where(self._tracker.legal(), self._begins, -np.inf)

    def is_over(self) -> np.ndarray:
        """Tell which tunes are over, (batch,) of bool."""
        return self._tracker.done | (self._length >= MOST_TOKENS)


def form_of(
    encoding: Encoding, options: GenerateOptions, tracker: Tracker, pitch_range: tuple[int, int]
) -> Form | FreeForm:
    """Return the biases for tunes of this encoding.

    Raises ValueError for options that need form where the encoding counts no bars.
    """
    if counts_bars(encoding):
        return Form(encoding, options, tracker, pitch_range)
    asked = {
        "a number of bars": options.bars != GenerateOptions.bars,
        "a range": options.is_ranged,
        "a locked scale": options.scale_lock,
    }
    if any(asked.values()):
        raise ValueError(
            f"a model in the encoding {encoding.name!r} composes without form, each tune as long as it likes: "
            f"leave out what asks for {' and '.join(words for words, is_asked in asked.items() if is_asked)}"
        )
    return FreeForm(encoding, options, tracker)


def is_pickup(opening: Any, bar: Any) -> Any:
    """Whether a tune that opens with so much rest, half a bar or more, begins with a pick-up: its bar is not counted.

    opening, bar: steps or ticks, numbers or arrays alike.
    """
    return 2 * opening >= bar


def steering_key(options: GenerateOptions) -> Key | None:
    """The key whose scale the drawing itself keeps to, if it is locked."""
    return parse_key(options.key or "C") if options.scale_lock else None


def with_lock(options: GenerateOptions, names_key: bool) -> GenerateOptions:
    """The options as a tune is drawn with them: a range may leave no room to move the tune to the key asked for
    afterwards, and so locks the scale; not where the tune's header may name that key (`names_key`)."""
    is_tight = options.key is not None and options.is_ranged
    return replace(options, scale_lock=options.scale_lock or (is_tight and not names_key))


def knows_metres(encoding: Encoding) -> bool:
    """Whether tunes of this encoding begin with a metre."""
    return any(row.name.startswith("begin_") for row in encoding.vocabulary.rows)


def _begin_bias(encoding: Encoding, options: GenerateOptions) -> np.ndarray:
    """(vocabulary,): -inf for the metres that a tune must not begin with.

    Raises ValueError where the metre does not exist.
    """
    bias = np.zeros(encoding.vocabulary.size)
    begins = {row.name: row.first for row in encoding.vocabulary.rows if row.name.startswith("begin_")}
    allowed = {encoding.begin(options.metre)} if options.metre else set(begins.values()) - {begins.get("begin_other")}
    bias[[token for token in begins.values() if token not in allowed]] = -np.inf
    return bias


def allowed_pitches(options: GenerateOptions, pitch_range: tuple[int, int]) -> np.ndarray:
    """(128,) of bool: the pitches within the range and, where it is locked, the scale.

    Raises ValueError where there is none.
    """
    pitches, span = np.arange(128), options.within(pitch_range)
    allowed = (pitches >= span[0]) & (pitches <= span[1])
    key = steering_key(options)
    if key is not None:
        allowed &= np.isin(pitches % 12, list(scale_pitch_classes(key)))
    if not allowed.any():
        where = "" if key is None else " in the key's scale"
        raise ValueError(f"no pitch is left between {span[0]} and {span[1]}{where}: widen the range")
    return allowed


def _tonic_bias(tonic: int) -> np.ndarray:
    """(129,) for each pitch, and at the end for tokens that start no note."""
    return np.append((np.arange(128) % 12 == tonic) * TONIC_BIAS, 0.0)

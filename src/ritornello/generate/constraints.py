"""What the player and the form allow at each step: masks and small biases, added to the logits.

Endings are composed, not cut. In the last bar `end` and a long last note are favoured: no note starts with
less than a beat to go, none is broken off, silence gives way to a note, `end` waits until the last note has
lasted a beat, and a note that starts there is drawn towards the tonic.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ritornello.encoding import Grid
from ritornello.encoding.grid import METRES, NO_EVENT, NOTE_OFF, GridTracker
from ritornello.generate.options import GenerateOptions
from ritornello.music.keys import estimate_key, parse_key, scale_pitch_classes
from ritornello.music.values import Note

TONIC_BIAS = 2.5  # nats
END_BIAS = 1.5
LATE_NOTE_BIAS = -1.0  # on a note that would start in the last bar off its first beat


class Form:
    """Biases for a batch of tunes in the making; `tracker` says where each stands."""

    def __init__(self, encoding: Grid, options: GenerateOptions, tracker: GridTracker, compass: tuple[int, int]):
        self._encoding, self._options, self._tracker = encoding, options, tracker
        self._static = _static_bias(encoding, options, options.within(compass))
        steered = steering_key(options)
        self._tonics = np.full(len(tracker.step), -1 if steered is None else steered.tonic)
        # (13, 128): a row for each tonic, and at -1, where no tonic is known, one of zeros
        self._of_tonic = np.stack([(np.arange(128) % 12 == tonic) * TONIC_BIAS for tonic in [*range(12), -1]])

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows alone."""
        self._tonics = self._tonics[rows]

    def bias(self, history: np.ndarray) -> np.ndarray:
        """(batch, vocabulary) to add to the logits: -inf for what must not come, small numbers for what should.

        history: (batch, steps so far) of the tokens drawn, for the key.
        """
        tracker = self._tracker
        bias = np.where(tracker.legal(), self._static, -np.inf)
        bar_end = self.end_step()
        bar_start = bar_end - tracker.bar_steps
        self._open(bias)
        last = tracker.begun & (tracker.step >= bar_start)
        if not self._encoding.plain:
            bias[~last, self._encoding.end] = -np.inf
            bias[tracker.begun & (tracker.step <= bar_start), self._encoding.end] = -np.inf
        if last.any():
            self._close(bias, last, bar_start, bar_end, history)
        return bias

    def end_step(self) -> np.ndarray:
        """(batch,) of int: the step at which each tune must be over. An opening of half a bar of rest or more
        is a pick-up's bar and not counted."""
        tracker = self._tracker
        opening = np.where(tracker.notes > 0, tracker.opening, tracker.step)
        return (self._options.bars + is_pickup(opening, tracker.bar_steps)) * tracker.bar_steps

    def _open(self, bias: np.ndarray) -> None:
        """The first note comes within the first bar."""
        tracker = self._tracker
        waiting = tracker.begun & (tracker.notes == 0) & (tracker.step >= tracker.bar_steps - 1)
        bias[waiting, NO_EVENT] = -np.inf

    def _close(
        self, bias: np.ndarray, last: np.ndarray, bar_start: np.ndarray, bar_end: np.ndarray, history: np.ndarray
    ) -> None:
        tracker, beat = self._tracker, self._tracker.beat_steps
        self._find_tonics(last, history)
        bias[last, :NO_EVENT] += self._of_tonic[self._tonics[last]]
        bias[last & (tracker.step > bar_start), :NO_EVENT] += LATE_NOTE_BIAS
        bias[last & (tracker.step > bar_end - beat), :NO_EVENT] = -np.inf
        bias[last, NOTE_OFF] = -np.inf
        is_silent = tracker.sounding < 0
        bias[last & is_silent & (tracker.step == bar_end - beat), NO_EVENT] = -np.inf  # the last place for a note
        if self._encoding.plain:
            return
        end = self._encoding.end
        bias[last, end] += END_BIAS
        is_short = tracker.step - tracker.onset < beat
        bias[last & (is_silent | is_short) & (tracker.step < bar_end), end] = -np.inf
        over = last & (tracker.step >= bar_end)
        bias[over, :end] = -np.inf

    def _find_tonics(self, last: np.ndarray, history: np.ndarray) -> None:
        for row in np.flatnonzero(last & (self._tonics < 0) & (self._tracker.notes > 0)):
            steps = history[row][history[row] <= NOTE_OFF]
            onsets = np.flatnonzero(steps < NO_EVENT)
            lengths = np.diff(np.append(onsets, len(steps)))
            notes = [Note(0, int(length), int(steps[at])) for at, length in zip(onsets, lengths, strict=True)]
            self._tonics[row] = estimate_key(notes)[0].tonic


def is_pickup(opening: Any, bar: Any) -> Any:
    """Whether a tune that opens with so much rest, half a bar or more, begins with a pick-up: its bar is not counted.

    opening, bar: steps or ticks, numbers or arrays alike.
    """
    return 2 * opening >= bar


def steering_key(options: GenerateOptions):
    """The key that the drawing itself keeps to: with a scale lock, or where a range leaves no room to transpose."""
    if options.scale_lock:
        return parse_key(options.key or "C")
    return parse_key(options.key) if options.key and options.is_ranged else None


def _static_bias(encoding: Grid, options: GenerateOptions, span: tuple[int, int]) -> np.ndarray:
    """(vocabulary,): what holds for the whole tune: the range, the scale, the metre.

    Raises ValueError where range and scale leave no pitch, or the metre does not exist.
    """
    bias = np.zeros(encoding.vocabulary.size)
    pitches = np.arange(128)
    out = (pitches < span[0]) | (pitches > span[1])
    key = steering_key(options)
    if key is not None:
        out |= ~np.isin(pitches % 12, list(scale_pitch_classes(key)))
    if out.all():
        where = "" if key is None else " in the key's scale"
        raise ValueError(f"no pitch is left between {span[0]} and {span[1]}{where}: widen the range")
    bias[:128][out] = -np.inf
    if not encoding.plain:
        first = encoding.vocabulary[f"begin_{METRES[0]}"]
        allowed = encoding.begin(options.metre) if options.metre else None
        for token in range(first, first + len(METRES)):
            if token != allowed and (allowed is not None or METRES[token - first] == "other"):
                bias[token] = -np.inf
    return bias

"""How the player touches the keys, and how the machine answers: loudness, and how far from the beat."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction

from ritornello.live.line.intervals import BARLINE, BEAT, BETWEEN, place_strength
from ritornello.live.values import LineNote
from ritornello.music.values import Metre

REMEMBERED = 16  # notes of the player
USUAL = {BARLINE: 86, BEAT: 74, BETWEEN: 66}  # velocities without a player
FEW = 3.0  # notes of the player against which as many weigh as the usual touch
MOST_PUSH = 0.2  # quarters


class Touch:
    """What is kept of the player's touch."""

    def __init__(self) -> None:
        self._notes: deque[tuple[int, int, Fraction, float]] = deque(maxlen=REMEMBERED)

    def add(self, notes: Sequence[LineNote], metre: Metre) -> None:
        """Take in the touch of the player's notes."""
        for note in notes:
            self._notes.append((place_strength(note.start, metre), note.velocity, note.start % 1, note.push))

    def velocity(self, place: Fraction, metre: Metre, follow: float) -> int:
        """Choose the velocity of a note, 1-127: the player's level and accents.

        follow: how far it is the player's, 0 to 1; the rest is usual. So are accents that the player has not shown.
        """
        strength = place_strength(place, metre)
        usual = USUAL[strength]
        if not self._notes:
            return usual
        level = sum(velocity for _, velocity, *_ in self._notes) / len(self._notes)
        plain = sum(USUAL[each] for each, *_ in self._notes) / len(self._notes)
        own = [velocity - level for each, velocity, *_ in self._notes if each == strength]
        accent = (sum(own) + FEW * (usual - plain)) / (len(own) + FEW)
        return round(min(max((1 - follow) * usual + follow * (level + accent), 1), 127))

    def push(self, place: Fraction, swing: float = 0.0) -> float:
        """Choose how far from its place a note is played, in quarters.

        It is as the player's notes were in this part of a quarter: second eighths are late in swing. swing: what the
        dial makes of them, 0 to 1; only what goes beyond it is returned.
        """
        own = [push for *_, part, push in self._notes if part == place % 1]
        mean = min(max(sum(own) / (len(own) + 1), -MOST_PUSH), MOST_PUSH)
        is_swung = swing > 0 and place % 1 == Fraction(1, 2) and mean > 0
        return max(mean - swing / 6, 0.0) if is_swung else mean

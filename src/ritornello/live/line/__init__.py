"""The melody that player and machine write together, and what influences it.

line.py       what was played is fed, what may follow is proposed
history.py    the notes so far, as a network reads and remembers them
influence.py  the faders of memory, what must not come again
harmony.py    key, scale, chord, register, density
second.py     a second voice, by the table of intervals.py
touch.py      loudness, swing and push
performer.py  the same for music as it is played: notes in time, any number at once
"""

from __future__ import annotations

from ritornello.encoding import is_melodic
from ritornello.live.dials import Dials
from ritornello.live.line.line import Line
from ritornello.live.line.performer import Performer
from ritornello.model.file import ModelFile

__all__ = ["Line", "Performer", "line_of"]


def line_of(model: ModelFile, seed: int = 0, dials: Dials = Dials()) -> Line | Performer:
    """Make the line of a model of melodies, or the performer of one of performances.

    Raises ValueError for a model of other music.
    """
    kind: type[Line] | type[Performer] = Line if is_melodic(model.encoding) else Performer
    return kind.of(model, seed, dials)

"""The melody that player and machine write together, and what influences it.

line.py       what was played is fed, what may follow is proposed
history.py    the notes so far, as a network reads and remembers them
influence.py  the faders of memory, what must not come again
harmony.py    key, scale, chord, register, density
second.py     a second voice, by the table of intervals.py
touch.py      loudness, swing and push
"""

from __future__ import annotations

from ritornello.live.line.line import Line

__all__ = ["Line"]

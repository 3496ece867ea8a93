"""A performance in one file: settings, then what was heard and what was played, a line of JSON each.

Lines are written as events come, so that a file that was cut off is a session too. A line holds "t" (seconds) and
"heard" or "played" (the kind of event), then what the kind needs: "n" (number), "v" (value), "c" (channel), "port",
"name". Notes, and what may change the tempo, also hold "b" (quarters from the first barline, then) and "q" (quarters
per minute, until then), for readers that make music of them. The last line of a performance that came to its end is
{"end": seconds}.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ritornello.live.dials import Dials
from ritornello.live.values import HEARD, PLAYED, Event
from ritornello.music.session import FIRST_KEY, Place, whole_lines
from ritornello.version import VERSION

FORMAT = 1
LETTERS = {"number": ("n", 0), "value": ("v", 0), "channel": ("c", 0), "port": ("port", ""), "name": ("name", "")}
"""Fields of an event: their keys in a line, and the value that is left out."""

Source = Literal["heard", "played"]
PLACED = ("note_on", "note_off", "silence", "clock", "start", "stop", "continue", "position", "link", "tap", "dial")
"""Events whose places on the beat are kept."""


@dataclass(frozen=True)
class Heading:
    """The settings of a performance. model: name or path, and SHA-256 of its weights."""

    model: str
    sha256: str
    seed: int
    dials: Dials
    version: str = VERSION

    def to_dict(self) -> dict[str, Any]:
        """Turn it into plain values, the first line of a file."""
        values = {**vars(self), "dials": asdict(self.dials)}
        return {FIRST_KEY: FORMAT, **values}


class SessionFile:
    """A session that is being written. Raises OSError naming the path where it cannot be."""

    def __init__(self, path: str | Path, heading: Heading):
        self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - it is open as long as is played
        self._write(heading.to_dict())

    def add(self, source: Source, event: Event, beat: float, qpm: float) -> None:
        """Write an event, and where it lies on the beat."""
        if source == "played" and event.kind == "clock":
            return
        line: dict[str, Any] = {"t": event.time, source: event.kind}
        for name, (letter, usual) in LETTERS.items():
            if getattr(event, name) != usual:
                line[letter] = getattr(event, name)
        if event.kind in PLACED:
            line |= {"b": round(beat, 6), "q": round(qpm, 3)}
        self._write(line)

    def close(self, time: float | None = None) -> None:
        """Close the file. time: where the performance came to its end, in seconds."""
        if time is not None and not self._file.closed:
            self._write({"end": time})
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()  # to the system, which keeps it when this process is killed


@dataclass
class Session:
    """A performance that is kept.

    heard, played: in the order in which the engine dealt with them. beats: where times lie on the beat, in the
    order in which they were written. end: in seconds, None of a file that was cut off.
    """

    heading: Heading
    heard: list[Event] = field(default_factory=list)
    played: list[Event] = field(default_factory=list)
    beats: list[Place] = field(default_factory=list)
    end: float | None = None

    def add(self, source: Source, event: Event, beat: float, qpm: float) -> None:
        """Keep an event, and where it lies on the beat."""
        (self.heard if source == "heard" else self.played).append(event)
        if event.kind in PLACED:
            self.beats.append(Place(event.time, beat, qpm, source == "heard"))


def read_session(path: str | Path) -> Session:
    """Read a session. A last line that was cut off is left out.

    Raises ValueError, naming path and line, for a file that is none or is broken; OSError where it cannot be read.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file: check the name and the folder") from None
    return parse_session(content, str(path))


def parse_session(content: bytes, source: str = "") -> Session:
    """Read a session from the bytes of its file. See `read_session`."""
    lines = whole_lines(content)
    heading = _heading(lines[0] if lines else "", source)
    session = Session(heading)
    for number, text in enumerate(lines[1:], 2):
        try:
            line = json.loads(text)
            if "end" in line:
                session.end = float(line["end"])
                continue
            is_heard = "heard" in line
            event = _event(line, line["heard" if is_heard else "played"], HEARD if is_heard else PLAYED)
            if "b" in line:
                session.beats.append(Place(event.time, float(line["b"]), float(line["q"]), is_heard))
        except (ValueError, KeyError, TypeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            raise ValueError(f"{source}: line {number} of this session is broken: {reason}") from None
        (session.heard if is_heard else session.played).append(event)
    return session


def _heading(text: str, source: str) -> Heading:
    try:
        line = json.loads(text)
        if line[FIRST_KEY] > FORMAT:
            raise ValueError(f"{source}: this session was written by a newer version ({line['version']}): update")
        dials = Dials(**line["dials"])
        return Heading(str(line["model"]), str(line["sha256"]), int(line["seed"]), dials, str(line["version"]))
    except json.JSONDecodeError:
        raise ValueError(f"{source}: not a session of ritornello jam") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{source}: not a session of ritornello jam ({error})") from None


def _event(line: dict[str, Any], kind: str, kinds: tuple[str, ...]) -> Event:
    """Make an event of a line. Raises ValueError, TypeError or KeyError for one that cannot be."""
    if kind not in kinds:
        raise ValueError(f"no such event: {kind!r}")
    given = {name: line[letter] for name, (letter, _) in LETTERS.items() if letter in line}
    event = Event(float(line["t"]), kind, **given)
    if not isinstance(event.number, int) or not 0 <= event.number <= 127:
        raise ValueError(f"n must be 0 to 127, not {event.number}")
    if kind == "note_on" and not (isinstance(event.value, int) and 0 <= event.value <= 127):
        raise ValueError(f"v must be 0 to 127, not {event.value}")
    return event._replace(value=tuple(event.value)) if isinstance(event.value, list) else event

"""The computer's keyboard as a piano, in a terminal, laid out as in Ableton Live."""

from __future__ import annotations

import os
import re
import sys
import threading
import time as clock
from collections import deque
from collections.abc import Callable
from dataclasses import fields
from itertools import cycle

from ritornello.live.dials import WAYS, Dials
from ritornello.live.stage.presets import MODEL, playable_models, preset_names
from ritornello.live.values import Event
from ritornello.wording import option

PIANO = "awsedftgyhujkolp;'"  # from C upwards, a semitone each
PORT = "keys"
MIDDLE_C, LOWEST_C, HIGHEST_C = 60, 12, 96
REPEAT_SECONDS = 0.06  # a key that is held down comes again so soon
ESCAPE_SECONDS = 0.05  # an escape with nothing after it by then is the key itself
KITTY_ON, KITTY_OFF = "\x1b[>11u\x1b[?u", "\x1b[<u"  # presses, repeats and releases of all keys; and: is it there?
KITTY_KEY = re.compile(r"\x1b\[(\d+)(?::\d*)*(?:;(\d*)(?::(\d))?)?(?:;[\d:]*)?u")
KITTY_THERE = re.compile(r"\x1b\[\?\d+u")
OTHER_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)")  # arrows and the like
PRESS, REPEAT, RELEASE = 1, 2, 3
HELP = (
    "A-' play, Z X octave, C V loudness, space your turn, enter tap, 1-7 mode, n preset, b model, , . dial, "
    "- = turn it, m learn, backspace forget, q keep, r recall, escape panic"
)


class KeyReader:
    """Turns the characters of a terminal into events.

    key_length: seconds for which a note lasts at most, where the terminal does not report releases. Space gives the
    turn, enter taps, 1 to 7 choose the way of playing, n the next preset, b the next model, comma and point a dial,
    minus and equals turn it, m gives the next dial to MIDI learn, backspace resets, q keeps what was learned and r
    returns to it, escape ends all notes.
    Source of the releases: kitty's keyboard protocol, https://sw.kovidgoyal.net/kitty/keyboard-protocol/
    """

    def __init__(self, key_length: float = 0.6):
        self._key_length = key_length
        self.has_releases = False
        self._base, self._velocity = MIDDLE_C, 90
        self._down: dict[str, int] = {}  # key -> pitch, so that an octave change does not leave it sounding
        self._presets = cycle(preset_names())
        playing = playable_models()
        self._models = cycle(playing[1:] + playing[:1])
        dials = sorted(fields(Dials), key=lambda each: "names" in each.metadata)  # numbers first
        names = [each.name for each in dials]
        self._dials = cycle([*names, MODEL])
        self._turned = deque(names)  # the first one is turned
        self._ends_at: float | None = None
        self._last: tuple[str, float] = ("", -1.0)
        self._waiting, self._waiting_since = "", 0.0

    def feed(self, text: str, time: float) -> list[Event]:
        """Read characters; returns the events."""
        text, self._waiting = self._waiting + text, ""
        events: list[Event] = []
        while text:
            if text[0] != "\x1b":
                events += self._key(text[0], PRESS, time)
                text = text[1:]
            elif found := KITTY_THERE.match(text):
                self.has_releases = True
                text = text[found.end() :]
            elif found := KITTY_KEY.match(text):
                events += self._key(chr(int(found[1])), int(found[3] or PRESS), time, int(found[2] or 1))
                text = text[found.end() :]
            elif found := OTHER_SEQUENCE.match(text):
                text = text[found.end() :]
            elif len(text) > 1 and text[1] not in "[O":
                events += self._key("\x1b", PRESS, time)
                text = text[1:]
            else:
                self._waiting, self._waiting_since, text = text, time, ""
        return events

    def pass_time(self, time: float) -> list[Event]:
        """End the note whose time is up; take an escape that nothing followed for the key."""
        events = []
        if self._waiting and time - self._waiting_since >= ESCAPE_SECONDS:
            self._waiting = ""
            events += self._key("\x1b", PRESS, time)
        if self._ends_at is not None and time >= self._ends_at:
            events += self._release_all(self._ends_at)
        return events

    def _key(self, key: str, action: int, time: float, modifiers: int = 1) -> list[Event]:
        if key == "\x03" or (key == "c" and modifiers - 1 & 4):  # Ctrl-C, which kitty's protocol sends as a key
            return [Event(time, "quit")] if action == PRESS else []
        key = key.lower()
        if key in PIANO:
            return self._piano(key, action, time)
        return self._command(key, time) if action == PRESS else []

    def _piano(self, key: str, action: int, time: float) -> list[Event]:
        if action == RELEASE:
            return [Event(time, "note_off", self._down.pop(key), port=PORT)] if key in self._down else []
        if action == REPEAT:
            return []
        events = []
        if not self.has_releases:
            last, at = self._last
            self._last = (key, time)
            self._ends_at = time + self._key_length
            if key == last and time - at < REPEAT_SECONDS and self._down:
                return []
            events += self._release_all(time)
            self._ends_at = time + self._key_length
        pitch = self._base + PIANO.index(key)
        if pitch <= 127 and key not in self._down:
            self._down[key] = pitch
            events.append(Event(time, "note_on", pitch, self._velocity, port=PORT))
        return events

    def _command(self, key: str, time: float) -> list[Event]:
        if key in "zx":
            step = 12 if key == "x" else -12
            self._base = min(max(self._base + step, LOWEST_C), HIGHEST_C)
        elif key in "cv":
            step = 16 if key == "v" else -16
            self._velocity = min(max(self._velocity + step, 10), 122)
        elif key in "1234567":
            return [Event(time, "dial", name="mode", value=WAYS[int(key) - 1])]
        elif key == "n":
            return [Event(time, "preset", name=next(self._presets), port=PORT)]
        elif key == "b":
            return [Event(time, "change", name=next(self._models), port=PORT)]
        elif key in ",.":
            self._turned.rotate(1 if key == "," else -1)
            return [Event(time, "nudge", name=self._turned[0], value=0, port=PORT)]
        elif key in "-_=+":
            return [Event(time, "nudge", name=self._turned[0], value=1 if key in "=+" else -1, port=PORT)]
        elif key == "m":
            return [Event(time, "learn", name=next(self._dials), port=PORT)]
        elif key == "\x1b":
            return [*self._release_all(time), Event(time, "panic")]
        elif key in "qr":
            return [Event(time, "snapshot" if key == "q" else "recall", name=PORT, port=PORT)]
        kinds = {" ": "turn", "\r": "tap", "\n": "tap", "\x7f": "reset", "\b": "reset"}
        return [Event(time, kinds[key], port=PORT)] if key in kinds else []

    def _release_all(self, time: float) -> list[Event]:
        self._ends_at = None
        events = [Event(time, "note_off", pitch, port=PORT) for pitch in self._down.values()]
        self._down.clear()
        return events


class Keyboard:
    """Listens to the terminal's keys on a thread. Raises OSError where standard input is no terminal."""

    def __init__(self, put: Callable[[Event], None], now: Callable[[], float], key_length: float = 0.6):
        if not sys.stdin.isatty():
            raise OSError(f"{option('keys')} needs a terminal: standard input is none")
        self._put, self._now = put, now
        self._reader = KeyReader(key_length)
        self._is_over = threading.Event()
        self._restore = _raw_terminal()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._is_over.is_set():
            text = _read_keys(0.02)
            now = self._now()
            for event in (self._reader.feed(text, now) if text else []) + self._reader.pass_time(now):
                self._put(event)

    def close(self) -> None:
        """Give the terminal back as it was."""
        self._is_over.set()
        self._thread.join(0.5)
        self._restore()


def _raw_terminal() -> Callable[[], None]:
    """Let keys come at once and unseen; returns a function that undoes it."""
    if sys.platform == "win32":
        return lambda: None
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    sys.stdout.write(KITTY_ON)
    sys.stdout.flush()

    def restore() -> None:
        sys.stdout.write(KITTY_OFF)
        sys.stdout.flush()
        termios.tcsetattr(number, termios.TCSADRAIN, before)

    return restore


def _read_keys(seconds: float) -> str:
    """Read the keys that come within some seconds; "" for none."""
    if sys.platform == "win32":
        import msvcrt

        clock.sleep(seconds)
        text = ""
        while msvcrt.kbhit():
            text += msvcrt.getwch()
        return text
    import select

    number = sys.stdin.fileno()
    if not select.select([number], [], [], seconds)[0]:
        return ""
    content = os.read(number, 1024)
    if not content:  # the terminal is closed
        clock.sleep(seconds)
    return content.decode("utf-8", "ignore")

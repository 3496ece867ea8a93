"""MIDI ports by name: which are there, which one is meant, what to do where there are none."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ritornello.atomic import rewrite
from ritornello.live.stage.backends import NO_RTMIDI, Probe, installed, probe

VIRTUAL = "virtual"
ADDRESS = re.compile(r"\s+\d+:\d+$")  # ALSA's client and port, which change when a device is plugged in again
PORT_HELP = (
    'NAME, part of it, its number, "virtual" or "virtual NAME", "osc HOST:PORT"; then, after commas, '
    '"channel 1 2", "transpose -12", "offset 5" (milliseconds earlier)'
)
ADVICE = {
    "linux": (
        "no MIDI here: there is no ALSA sequencer (/dev/snd/seq: try `modprobe snd-seq`; containers and Colab have "
        "none) and no JACK server is running (one that needs no sound hardware: jackd -r -d dummy -r 48000 -p 64)"
    ),
    "darwin": "no MIDI here: open Audio MIDI Setup, show the MIDI studio, and switch the IAC driver on",
    "win32": "no MIDI here: connect a device, or install loopMIDI for ports between programs",
}
NO_VIRTUAL = {
    "win32": "Windows has no virtual ports: make one with loopMIDI, and give its name",
    "darwin": "no virtual port could be made: switch the IAC driver on in Audio MIDI Setup, and give its name",
}


class PortOptions(NamedTuple):
    """A port as the player asks for it.

    name: see PORT_HELP. channels: those that are listened to or played on, 0-15; empty for all. transpose: semitones.
    offset_ms: how much earlier notes are sent, to make up for the delay of what sounds them; None for as calibrated.
    """

    name: str
    channels: tuple[int, ...] = ()
    transpose: int = 0
    offset_ms: float | None = None

    @property
    def is_virtual(self) -> bool:
        """Whether the port is to be made, for other programs to connect to."""
        return self.name.split(" ")[0].lower() == VIRTUAL

    @property
    def is_osc(self) -> bool:
        """Whether it is no MIDI port but an address for OSC."""
        return self.name.split(" ")[0].lower() == "osc"

    def shifted(self, pitch: int) -> int | None:
        """Transpose a pitch; None where it leaves 0 to 127."""
        pitch += self.transpose
        return pitch if 0 <= pitch <= 127 else None

    def takes(self, channel: int) -> bool:
        """Tell whether a channel passes."""
        return not self.channels or channel in self.channels


def read_port(text: str) -> PortOptions:
    """Read a port as written on the command line or in a preset, by PORT_HELP.

    Raises ValueError with its rules.
    """
    name, *extras = (part.strip() for part in text.split(","))
    found: dict = {}
    for extra in extras:
        word, *values = extra.split()
        try:
            if word in ("channel", "channels") and values:
                found["channels"] = tuple(int(value) - 1 for value in values)
                if not all(0 <= channel < 16 for channel in found["channels"]):
                    raise ValueError
            elif word == "transpose":
                found["transpose"] = int(values[0])
            elif word == "offset":
                found["offset_ms"] = float(values[0].removesuffix("ms"))
            else:
                raise ValueError
        except (ValueError, IndexError):
            raise ValueError(f"the port {text!r} is not understood at {extra!r}; write {PORT_HELP}") from None
    if not name:
        raise ValueError(f"a port needs a name; write {PORT_HELP}")
    return PortOptions(name, **found)


def find_port(name: str, names: Sequence[str]) -> str:
    """Find the port that is meant by a number, a name, or part of one in any case.

    names: of the ports that there are. Raises ValueError, listing them, where none or several fit.
    """
    if name.isdecimal() and int(name) < len(names):
        return names[int(name)]
    plain = device_name(name).lower()
    exact = [known for known in names if name == known or plain == device_name(known).lower()]
    fitting = exact or [known for known in names if plain in known.lower()]
    if len(fitting) == 1 or (exact and len(set(exact)) == 1):
        return fitting[0]
    listed = ", ".join(f"{i} {known!r}" for i, known in enumerate(names)) or "none"
    if fitting:
        raise ValueError(f"{name!r} may be {' or '.join(map(repr, fitting))}: write more of its name, or its number")
    raise ValueError(f"there is no MIDI port {name!r}; there is {listed}")


def find_backend() -> Probe:
    """Find the first backend that works, with its ports.

    Where none does, the probe's fault says what to do, in a line.
    """
    kinds = installed()
    if not kinds:
        missing = not any(_has(module) for module in ("rtmidi2", "rtmidi"))
        return Probe("", fault=NO_RTMIDI if missing else advice())
    for kind in kinds:
        found = probe(kind)
        if not found.fault:
            return found
    return Probe("", fault=advice())


def _has(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def advice(platform: str = sys.platform) -> str:
    """Say what is wrong where there is no MIDI, and what to do."""
    return ADVICE.get(platform, ADVICE["linux"])


def offsets_path() -> Path:
    """Return the file in which the offsets of this user's devices are kept."""
    usual = os.environ.get("APPDATA") if sys.platform == "win32" else os.environ.get("XDG_CONFIG_HOME")
    return Path(usual or Path.home() / ".config") / "ritornello" / "offsets.json"


def read_offsets(notify: Callable[[str], None] = lambda line: None) -> dict[str, float]:
    """Read the offsets of devices, by name, in milliseconds.

    notify: takes a line where the file is broken, which is then as if there were none.
    """
    path = offsets_path()
    try:
        return {str(name): float(value) for name, value in json.loads(path.read_text("utf-8")).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError):
        notify(f"{path} cannot be read: offsets are 0; calibrate again (`ritornello ports --calibrate PORT`)")
        return {}


def keep_offset(name: str, offset_ms: float) -> None:
    """Keep the offset of a device. Raises OSError where it cannot be written."""
    path = offsets_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    offsets = read_offsets() | {device_name(name): round(offset_ms, 2)}
    rewrite(path, (json.dumps(offsets, indent=1, sort_keys=True) + "\n").encode())


def device_name(name: str) -> str:
    """Return a port's name without the address that changes when it is plugged in again."""
    return ADDRESS.sub("", name)


def describe_ports(found: Probe, platform: str = sys.platform) -> str:
    """Write what `ritornello ports` prints of a probe."""
    if found.fault:
        return found.fault
    lines: list[str] = []
    offsets = read_offsets(lines.append)
    for title, names in (("listen to (--midi-in)", found.inputs), ("play to (--midi-out)", found.outputs)):
        lines += [f"{title}:"] if names else [f"{title}: none"]
        for number, name in enumerate(names):
            offset = offsets.get(device_name(name)) if names is found.outputs else None
            lines.append(f"  {number}  {name}" + (f"  ({offset:g} ms earlier, as calibrated)" if offset else ""))
    if found.has_virtual:
        lines.append('other programs can connect to a port of ours: --midi-in virtual, --midi-out "virtual NAME"')
    else:
        lines.append(NO_VIRTUAL.get(platform, "no virtual ports here"))
    if not (found.inputs or found.outputs):
        lines.append("no device is connected: plug one in, or give --keys to play on the computer's keyboard")
    return "\n".join(lines)

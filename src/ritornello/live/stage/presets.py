"""Presets: small TOML files with dials, controllers, a primer and ports, recalled while playing."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ritornello.atomic import write_bytes
from ritornello.live.dials import Dials, check, dial_named
from ritornello.live.stage.ports import PortOptions, read_port
from ritornello.live.values import Event
from ritornello.model.file import OTHERS, shipped_models

SHIPPED = Path(__file__).parents[2] / "data" / "presets"
PRESET_MAKER = "preset"  # of files that may be saved anew, see `atomic.write_files`
MODE_MESSAGES = 120  # from here on: all sound off, all notes off ... (MIDI 1.0, table V)
MODEL = "model"  # what a controller may choose, besides dials
TABLES = ("title", "primer", "dials", "controllers", "ports")


@dataclass(frozen=True)
class Preset:
    """What a preset changes; all else stays.

    dials: name -> value. controllers: MIDI controller 0-127 -> dial. primer: notes or a file, fed to the model.
    inputs, outputs: as of `ports.read_port`. thru: pairs of names, from an input to an output.
    """

    title: str = ""
    primer: str = ""
    dials: dict[str, Any] = field(default_factory=dict)
    controllers: dict[int, str] = field(default_factory=dict)
    inputs: tuple[PortOptions, ...] = ()
    outputs: tuple[PortOptions, ...] = ()
    thru: tuple[tuple[str, str], ...] = ()

    def events(self, time: float) -> list[Event]:
        """Make the events that turn the dials, all at one moment, so that nothing sounds between."""
        return [Event(time, "dial", name=name, value=value) for name, value in self.dials.items()]


def preset_names() -> list[str]:
    """List the presets that come with the program."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def read_preset(name: str | Path) -> Preset:
    """Read a preset, a TOML file or the name of one that comes with the program.

    Raises OSError where there is none; ValueError, naming the file and the entry, for one that is broken.
    """
    path = Path(name)
    if not path.suffix and (SHIPPED / f"{name}.toml").is_file():
        path = SHIPPED / f"{name}.toml"
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no preset {str(name)!r}: give a .toml file, or {', '.join(preset_names())}"
        )
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        return _preset(content)
    except (ValueError, TypeError, AttributeError) as error:  # TOML's errors and those of Unicode are ValueErrors
        raise ValueError(f"{path}: {error}") from None


def _preset(content: dict[str, Any]) -> Preset:
    unknown = content.keys() - {*TABLES}
    if unknown:
        raise ValueError(f"there is no entry {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    for name in TABLES:
        kind, words = (str, "text") if name in ("title", "primer") else (dict, f"a table: [{name}]")
        if not isinstance(content.get(name, kind()), kind):
            raise ValueError(f"{name} is {words}")
    dials, ports = content.get("dials", {}), content.get("ports", {})
    for name, value in dials.items():
        check(name, value)
    controllers = {}
    for number, name in content.get("controllers", {}).items():
        if not number.isdecimal() or int(number) > 127:
            raise ValueError(f"controllers are 0 to 127, not {number}")
        if not isinstance(name, str):
            raise ValueError(f'controllers.{number} is the name of a dial, such as "temperature", not {name}')
        check_target(name)
        controllers[int(number)] = name
    if unknown := ports.keys() - {"in", "out", "thru"}:
        raise ValueError(f"ports has in, out and thru, not {', '.join(sorted(unknown))}")
    for way in ("in", "out"):
        if not _is_list_of_text(ports.get(way, [])):
            raise ValueError(f'ports.{way} is a list of names, such as ["Keystation, channel 1"]')
    thru = ports.get("thru", [])
    if not (isinstance(thru, list) and all(_is_list_of_text(pair) and len(pair) == 2 for pair in thru)):
        raise ValueError('ports.thru is a list of pairs, such as [["Keystation", "Synth"]]')
    return Preset(
        content.get("title", ""),
        content.get("primer", ""),
        dials,
        controllers,
        tuple(read_port(text) for text in ports.get("in", ())),
        tuple(read_port(text) for text in ports.get("out", ())),
        tuple((here, there) for here, there in thru),
    )


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def save_preset(path: str | Path, preset: Preset, replace: bool = False) -> None:
    """Write a preset: what it changes, and nothing else.

    Its ports are left out. replace: as of `atomic.write_files`. Raises OSError where it cannot be written.
    """
    lines = [f"{name} = {_toml(getattr(preset, name))}" for name in ("title", "primer") if getattr(preset, name)]
    for name, table in (("dials", preset.dials), ("controllers", preset.controllers)):
        if table:
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    content = ("\n".join(lines).strip() + "\n").encode()
    write_bytes(path, content, PRESET_MAKER, replace)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = "".join(f"\\u{ord(sign):04x}" if sign < " " or sign in '"\\' else sign for sign in value)
        return f'"{escaped}"'
    return repr(value)


def changed_dials(dials: dict[str, Any]) -> dict[str, Any]:
    """Keep the dials that differ from their usual places."""
    return {each.name: dials[each.name] for each in fields(Dials) if dials[each.name] != each.default}


def playable_models() -> list[str]:
    """List the shipped models that can play live."""
    return [name for name in shipped_models() if name not in OTHERS]


def check_target(name: str) -> None:
    """Raise ValueError where a controller can turn no such thing.

    It turns dials, and "model" chooses one.
    """
    if name != MODEL:
        dial_named(name)


class Controllers:
    """Which MIDI controller turns which dial; one that is moved after `learn` becomes the dial's."""

    def __init__(self, numbers: dict[int, str] | None = None):
        self.numbers = dict(numbers or {})
        self.learning = ""  # the dial whose controller is awaited
        self._model = ""  # that was chosen last

    def learn(self, name: str) -> None:
        """Give a dial to the controller that is moved next. Raises ValueError for an unknown dial."""
        check_target(name)
        self.learning = name

    def turned(self, event: Event) -> Event | None:
        """Turn a controller's event into a dial's, or the choice of a model.

        None where it turns nothing. Its 0 to 127 are spread evenly over the dial's range, its names or, for a switch,
        its two halves. Channel mode messages are no controllers; nor is one at 0 learned, which other programs send
        to all where they begin.
        """
        if event.number >= MODE_MESSAGES:
            return None
        if self.learning and event.value:
            self.numbers = {number: name for number, name in self.numbers.items() if name != self.learning}
            self.numbers[event.number], self.learning = self.learning, ""
        name = self.numbers.get(event.number)
        if name == MODEL:
            before, self._model = self._model, spread(playable_models(), event.value)
            return None if self._model == before else Event(event.time, "change", name=self._model)
        return None if name is None else Event(event.time, "dial", name=name, value=dial_value(name, event.value))


def spread(names: Sequence[str], position: int) -> str:
    """Choose one of several names by a controller's position, 0 to 127."""
    return names[min(max(position, 0), 127) * len(names) // 128]


def dial_value(name: str, position: int) -> Any:
    """Turn a controller's position, 0 to 127, into the value of a dial."""
    found = dial_named(name)
    metadata, share = found.metadata, min(max(position, 0), 127) / 127
    if "names" in metadata:
        return spread(metadata["names"], position)
    if isinstance(found.default, bool):
        return share >= 0.5
    value = metadata["low"] + share * (metadata["high"] - metadata["low"])
    return round(value) if isinstance(found.default, int) else round(value, 4)


def nudged(name: str, value: Any, steps: int) -> Any:
    """Turn a dial by steps.

    They go from name to name, or are round numbers, each about a twentieth of its range.
    """
    found = dial_named(name)
    if names := found.metadata.get("names"):
        place = names.index(value) if value in names else 0
        return names[min(max(place + steps, 0), len(names) - 1)] if steps else value
    low, high = found.metadata["low"], found.metadata["high"]
    exact = (high - low) / 20
    size = 10 ** math.floor(math.log10(exact))
    step = max(each * size for each in (1, 2, 5) if each * size <= exact)
    if isinstance(found.default, int):
        step = max(round(step), 1)
    after = round(min(max(value + steps * step, low), high), 6)
    return type(value)(after)

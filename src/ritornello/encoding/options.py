"""An encoding by name: the registry, the options of a user, what is recommended with each, and what it can do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ritornello.encoding.features import CHORD, COUNTDOWN
from ritornello.encoding.grid import Grid
from ritornello.encoding.lookback import Lookback
from ritornello.encoding.memory import SOURCES
from ritornello.encoding.note import IntervalEncoding, NoteEncoding
from ritornello.encoding.protocol import Encoding
from ritornello.wording import by_face, option

ENCODINGS: dict[str, Any] = {  # a class, or where to find it when it is asked for
    "grid": Grid,
    "note": NoteEncoding,
    "interval": IntervalEncoding,
    "lookback": Lookback,
    "text": "ritornello.encoding.letters.text:TextEncoding",
    "events": "ritornello.encoding.played.events:EventsEncoding",
    "events-beats": "ritornello.encoding.played.beats:BeatsEncoding",
    "miditok": "ritornello.encoding.miditok:MidiTokEncoding",
    "chorale": "ritornello.encoding.voices.chorale:ChoraleEncoding",
}
DEFAULT = "interval"  # the best of benchmarks/representations
NOTHING = "none"  # a user's word for no inputs, or no memory
_INPUTS = {"inputs": ("position", "strength", "metre", COUNTDOWN)}
IN_KEYS = ("note", "grid", "lookback")  # whose header may name the key
WITH_CHORDS = ("interval", *IN_KEYS)
RECOMMENDED: dict[str, dict[str, Any]] = {
    "note": _INPUTS,
    "interval": _INPUTS | {"memory": SOURCES},
    "events": {"inputs": ("density", "pitches", "held")},
    "events-beats": {"inputs": ("position", "strength", "metre", COUNTDOWN, "sounding", "echo")},
    "chorale": {"inputs": ("echo", "line", "recent"), "relations": ("degree", "interval", "echo")},
}


def encoding_class(name: str) -> Any:
    """Return the class of an encoding. Raises ValueError for an unknown name."""
    if name not in ENCODINGS:
        raise ValueError(f"no such encoding: {name!r}; there are {', '.join(ENCODINGS)}")
    found = ENCODINGS[name]
    if isinstance(found, str):
        module, _, attribute = found.partition(":")
        found = getattr(import_module(module), attribute)
    return found


def make_encoding(name: str = "grid", inputs: Sequence[str] | None = None, **options: Any) -> Any:
    """Make the encoding of this name, with these inputs (see `features`) and its own options.

    inputs: None for those that the encoding has by itself: none, but for `lookback`.
    Raises ValueError for an unknown name, input or option, and for an option out of its range.
    """
    kind, given = encoding_class(name), options if inputs is None else {"inputs": inputs, **options}
    takes = [option.name for option in fields(kind)]
    if wrong := ", ".join(sorted(set(given) - set(takes))):
        known = ", ".join(option for option in takes if option != "inputs")
        raise ValueError(f"encoding {name!r} has no option {wrong}; it has {known or 'none'}")
    return kind(**given)


def is_melodic(encoding: Any) -> bool:
    """Tell whether an encoding is a `MelodyEncoding`: notes can be found in its tokens.

    Only such melodies are composed in bars, transposed and measured note by note.
    """
    return hasattr(encoding, "onsets")


def kept_by(encoding: Any) -> str:
    """Return what an encoding writes: "melody", "voices" or "all"."""
    return getattr(encoding, "keeps", "melody")


def counts_bars(encoding: Encoding) -> bool:
    """Tell whether melodies of this encoding can be composed in bars.

    Its rules then know which tokens still lead to an ending.
    """
    return hasattr(encoding.tracker(), "finishable")


class OlderNetworkError(ValueError):
    """An encoding of networks that this version cannot play; the message says what to do."""


def encoding_from_dict(plain: Mapping[str, Any]) -> Any:
    """Make an encoding of what `to_dict` wrote: of version 1 where that names none.

    Raises OlderNetworkError for one of networks with copy gates, which have memory now.
    """
    if plain.get("echoes"):
        raise OlderNetworkError(
            "made by an older ritornello, whose networks had copy gates (echoes) where they have memory now; "
            f"train it anew with `{by_face('ritornello train CORPUS', 'rito.train(CORPUS)')}`"
        )
    plain = {name: value for name, value in plain.items() if name != "echoes"}
    kind = encoding_class(plain.get("name", "grid"))
    versioned = any(field.name == "version" for field in fields(kind))
    return make_encoding(**({"version": 1} if versioned else {}) | dict(plain))


@dataclass(frozen=True)
class EncodingOptions:
    """An encoding as a user asks for it; what is None is as recommended, or as the encoding has it by itself."""

    name: str = DEFAULT
    """Name in ENCODINGS; "miditok:TSD" is MidiTok's tokeniser TSD, "miditok:TSD:my.json" with a configuration."""

    plain: bool = False
    """The grid in the exercise's 130 symbols alone."""

    steps_per_quarter: int | None = None
    """Resolution of the grid, 1 to 24."""

    inputs: str | Sequence[str] | None = None
    """Names of inputs besides the tokens, in a sequence or separated by commas; "none" or an empty one for none."""

    relative_to: str | None = None
    """What `interval` counts pitches from: "key" or "previous"."""

    memory: str | Sequence[str] | None = None
    """Sources of memory, as of inputs."""

    given: str | Sequence[str] | None = None
    """What `chorale` is to know beforehand: "soprano"; "none" or an empty one for nothing."""

    def build(self) -> Any:
        """Make the encoding.

        Raises ValueError for an unknown name, or an option that the encoding does not take.
        """
        if self.name.endswith(":"):
            raise ValueError(f"nothing stands behind the colon in {self.name!r}: leave it out")
        name, _, rest = self.name.partition(":")
        asked: dict[str, Any] = {
            "plain": self.plain or None,
            "steps_per_quarter": self.steps_per_quarter,
            "inputs": _names("inputs", self.inputs),
            "memory": _names("memory", self.memory),
            "relative_to": self.relative_to,
            "given": _names("given", self.given),
        }
        given = RECOMMENDED.get(name, {}) | {key: value for key, value in asked.items() if value is not None}
        given |= _after_colon(name, rest) if rest else {}
        if name in IN_KEYS and {"key", "degree"} & set(given.get("inputs", ())):
            given |= {"with_key": True}
        takes = {field.name for field in fields(encoding_class(name))} if name in ENCODINGS else set(given)
        if unfit := sorted(given.keys() - takes):
            known = ", ".join(map(option, sorted(takes & asked.keys())))  # what else there is stands behind the name
            takes_words = f"it takes {known}" if known else "it has no options"
            raise ValueError(f"{option(unfit[0])} does not go with the encoding {name!r}; {takes_words}")
        return make_encoding(name, **given)

    def build_for(self, in_modes: bool, with_chords: bool) -> Any:
        """Make the encoding for a corpus: as `build` does, unless it states modes or has chords.

        Where inputs are asked for they are these alone.
        in_modes: the header names the key, and the key and the degree above it are inputs, where the encoding can do
        so and does not anyway. with_chords: chords are an input, where it has melodies in bars.
        """
        made = self.build()
        if self.inputs is not None or self.plain:
            return made
        if in_modes and self.name in IN_KEYS:
            made = replace(made, inputs=(*made.inputs, "key", "degree"), with_key=True)
        return replace(made, inputs=(*made.inputs, CHORD)) if with_chords and self.name in WITH_CHORDS else made


def _after_colon(name: str, rest: str) -> dict[str, Any]:
    """Read the options after the name and a colon."""
    if name != "miditok":
        raise ValueError(f"nothing may follow the name of the encoding {name!r}, but {rest!r} does")
    tokenizer, _, path = rest.partition(":")
    if not path:
        return {"tokenizer": tokenizer}
    try:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: no configuration for MidiTok in JSON can be read from it ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"{path}: a configuration for MidiTok is a JSON object, not {type(config).__name__}")
    return {"tokenizer": tokenizer, "config": config}


def _names(of: str, given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Split names; None where none were given, an empty tuple for "none" or an empty sequence."""
    if given is None or given == "":
        return None
    words = [word.strip() for word in given.split(",")] if isinstance(given, str) else given
    names = tuple(word for word in words if word)
    if isinstance(given, str) and not names:
        raise ValueError(f"{option(of, given)} names nothing: name {of}, or none")
    return () if names == (NOTHING,) else names


def encoding_in_words(options: Mapping[str, Any]) -> str:
    """Name an encoding in a few words: "grid plain", "grid 12 steps", "miditok TSD".

    Options that `train` gives it by default are left out: "interval", "interval previous, inputs position".
    """
    name = str(options.get("name", "?"))
    known = fields(encoding_class(name)) if name in ENCODINGS else ()
    usual = {field.name: field.default for field in known} | RECOMMENDED.get(name, {})
    words = [name, *(["plain"] if options.get("plain") else [])]
    for key, unit in (("steps_per_quarter", " steps"), ("relative_to", ""), ("tokenizer", "")):
        if options.get(key) not in (None, usual.get(key)):
            words.append(f"{options[key]}{unit}")
    words += [json.dumps(options["config"], sort_keys=True)] if options.get("config") else []
    parts = [" ".join(words)]
    for key in ("inputs", "memory"):
        names: tuple[str, ...] = tuple(map(str, options.get(key) or ()))
        default: Any = usual.get(key, ())
        if names not in (default, (*default, CHORD)):
            parts.append(f"{key} {' '.join(names)}" if names else f"no {key}")
    return ", ".join(parts)

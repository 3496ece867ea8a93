"""MidiTok's tokenisers by name and configuration, and what is refused in plain words before MidiTok trips over it."""

from __future__ import annotations

import inspect
import json
from functools import lru_cache
from typing import Any

OF_USE = ("REMI", "TSD", "MIDILike", "Structured")  # those that write one line in one vocabulary
CHOICE = f"choose {', '.join(OF_USE[:-1])} or {OF_USE[-1]}"
EXTRAS = {  # what tokenisers read of a configuration that TokenizerConfig itself does not name
    "REMI": {"max_bar_embedding", "use_bar_end_tokens", "add_trailing_bars"},
    "MIDILike": {"max_duration"},
}


@lru_cache(maxsize=8)
def tokenizer_of(name: str, written: str) -> Any:
    """The tokeniser of this class and configuration, all of it as JSON.

    Raises ImportError without MidiTok, ValueError for a class that is not there or does not take the configuration.
    """
    try:
        import miditok
    except ImportError:
        raise ImportError('the encoding "miditok" needs MidiTok: pip install "ritornello[miditok]"') from None
    classes = {each.__name__: each for each in miditok.MusicTokenizer.__subclasses__()}
    if name not in classes:
        raise ValueError(f"miditok: no such tokenizer: {name!r}; there are {', '.join(sorted(classes))}")
    try:
        return classes[name](miditok.TokenizerConfig(**_keywords(name, json.loads(written))))
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        if name not in OF_USE:
            raise ValueError(f"miditok: {name} is not supported here; {CHOICE}") from None
        raise ValueError(f"miditok: {name} does not take this config: {' '.join(str(error).split())}") from None


def _keywords(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as TokenizerConfig takes it. Raises ValueError for a key that nothing reads."""
    config |= config.pop("additional_params", {})  # so MidiTok writes them to files
    if unknown := sorted(config.keys() - _known_keys(name)):
        raise ValueError(f"there is no {', '.join(unknown)}; see TokenizerConfig in MidiTok's documentation")
    for key in ("beat_res", "beat_res_rest"):
        if key in config:
            config[key] = {tuple(int(n) for n in beats.split("_")): res for beats, res in config[key].items()}
    config["time_signature_range"] = {int(n): list(r) for n, r in config["time_signature_range"].items()}
    config["pitch_range"] = tuple(config["pitch_range"])
    return config


def _known_keys(name: str) -> set[str]:
    """Keys that TokenizerConfig or this tokeniser reads; MidiTok takes any other without a word."""
    import miditok

    named = inspect.signature(miditok.TokenizerConfig).parameters.values()
    return {each.name for each in named if each.kind != each.VAR_KEYWORD} | EXTRAS.get(name, set())

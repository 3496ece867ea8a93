"""A split that is given: a file that says which tunes train, validate and test."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import CorpusPiece

NAMES = {"train": "train", "training": "train", "valid": "validation", "validation": "validation", "test": "test"}
_NAME = "|".join(NAMES)
_HEADING = re.compile(rf"\[?({_NAME})\]?:?", re.IGNORECASE)
_BEFORE = re.compile(rf"({_NAME})\s*[\t,;:]\s*(.+)", re.IGNORECASE)
_AFTER = re.compile(rf"(.+?)\s*[\t,;]\s*({_NAME})", re.IGNORECASE)


def read_split_list(path: str | Path) -> dict[str, str]:
    """Read tune names with the split of each: "train", "validation" or "test".

    Either JSON, `{"train": ["a.mid"], "test": ["b.mid"]}`, or text: a split alone on a line with names under it,
    or on each line a split and a name, in either order, between them a tab, a comma or a semicolon (after the split
    also a colon). Lines that begin with # are passed over.
    Raises CorpusError, naming file and line, for anything else and for a name in two splits.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CorpusError(f"{path}: the split list cannot be read: {reason}; name a text or JSON file") from None
    pairs = _json_pairs(path, text) if text.lstrip().startswith("{") else _text_pairs(path, text)
    found: dict[str, str] = {}
    for name, split in pairs:
        if found.setdefault(name, split) != split:
            raise CorpusError(f"{path}: {name} is in {found[name]} and in {split}; name it once")
    if not found:
        raise CorpusError(f"{path}: the split list names no tune; write lines like `test, tune.mid`")
    return found


def listed_splits(pieces: Sequence[CorpusPiece], names: Mapping[str, str]) -> tuple[list[str | None], list[str]]:
    """Look up each piece in a list: its split, or None; and list the names that are no piece.

    A piece goes by its source, by its file, or by the end of either path, with or without the file's ending.
    """
    found = [next((name for name in _called(piece) if name in names), None) for piece in pieces]
    given = [None if name is None else names[name] for name in found]
    used = set(found)
    return given, [name for name in names if name not in used]


def _called(piece: CorpusPiece) -> list[str]:
    """List the names that a piece may have in a list, the longest first."""
    called: dict[str, None] = {}
    for whole in (piece.source, str(piece.provenance.get("file", ""))):
        parts = PurePath(whole).parts
        for first in range(len(parts)):
            name = "/".join(parts[first:]).replace("//", "/")
            called |= {name: None, name.removesuffix(PurePath(name).suffix): None}
    return list(called)


def _json_pairs(path: str | Path, text: str) -> list[tuple[str, str]]:
    try:
        value = json.loads(text)
        return [(str(name), NAMES[split.lower()]) for split, names in value.items() for name in _listed(names)]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorpusError(
            f'{path}: not a split list ({error}); write {{"train": [...], "validation": [...], "test": [...]}}'
        ) from None


def _listed(names: object) -> list[object]:
    if not isinstance(names, list):
        raise TypeError("a split must be a list of names")
    return names


def _text_pairs(path: str | Path, text: str) -> list[tuple[str, str]]:
    pairs, under = [], ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            under = NAMES[heading[1].lower()]
        elif match := _BEFORE.fullmatch(line):
            pairs.append((match[2], NAMES[match[1].lower()]))
        elif match := _AFTER.fullmatch(line):
            pairs.append((match[1], NAMES[match[2].lower()]))
        elif under:
            pairs.append((line, under))
        else:
            raise CorpusError(f"{path}, line {number}: no split in {line[:60]!r}; write `test, tune.mid`")
    return pairs

"""Files under the paths that a user names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ritornello.corpus.errors import CorpusError


def find_files(sources: Sequence[str | Path]) -> list[Path]:
    """Every file named, and every file in the folders named and below them, each once.

    Sources stay in the order given; what is in a folder is sorted by path. Hidden files and folders are passed
    over, links are followed but never in a circle. A folder that cannot be listed stands in the list itself.
    Raises CorpusError for a source that does not exist, and where no file is found.
    """
    found: dict[str, Path] = {}
    for source in map(Path, sources):
        if not os.path.lexists(source):
            raise CorpusError(f"{source}: no such file or folder; check the name")
        for path in _below(source) if source.is_dir() else [source]:
            found.setdefault(os.path.realpath(path), path)
    if not found:
        names = ", ".join(str(s) for s in sources) or "nothing"
        raise CorpusError(f"{names}: no files there; name a folder with MIDI, ABC, MusicXML, MuseScore or kern files")
    return list(found.values())


def _below(folder: Path) -> list[Path]:
    """Files below a folder, sorted; each real folder is entered once."""
    files: list[Path] = []
    entered: set[str] = set()

    def enter(error: OSError) -> None:
        files.append(Path(error.filename))

    for here, folders, names in os.walk(folder, followlinks=True, onerror=enter):
        real = os.path.realpath(here)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(here, name) for name in names if not name.startswith("."))
    return sorted(files)

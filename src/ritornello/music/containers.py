"""Unpack the scores of compressed files (`.mxl`, `.mscz`): zip archives with a container that names their root file.

Programs write containers that are broken, misspell names or are missing; then the archive says what is in it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from html import unescape
from io import BytesIO
from unicodedata import normalize
from urllib.parse import unquote

from ritornello.music.errors import decode_text

MAX_UNPACKED = 64 * 2**20
MAX_CONTAINER = 2**20
HEAD = 2**15  # bytes in which the outermost element is looked for


def unpacked(content: bytes, suffixes: Sequence[str], roots: Sequence[str]) -> list[bytes]:
    """Unpack the score that the container names, else all that lie least deep in the archive.

    suffixes: of scores, ".xml". roots: their outermost elements. Raises ValueError where the archive is damaged,
    holds no score, or a score unpacks to more than 64 MB.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            scores = []
            for name in _score_names(archive, suffixes, roots):
                scores.append(_beginning(archive, name, MAX_UNPACKED + 1))
                if len(scores[-1]) > MAX_UNPACKED:
                    raise ValueError(f"the score in this archive unpacks to more than {MAX_UNPACKED // 2**20} MB")
            return scores
    except (ValueError, MemoryError):
        raise
    except Exception:  # zipfile and its unpackers have a dozen ways to say it
        raise ValueError("damaged archive: fetch or export the file again") from None


def _beginning(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """Read up to `size` bytes of a member: the size stated in the archive is not to be trusted."""
    with archive.open(name) as file:
        return file.read(size)


def _score_names(archive: zipfile.ZipFile, suffixes: Sequence[str], roots: Sequence[str]) -> list[str]:
    """List the members to read. Raises ValueError where there are none."""
    names = [n for n in archive.namelist() if not n.endswith("/")]
    container = next((n for n in names if _plain(n) == "meta-inf/container.xml"), None)
    not_scores = r"(^|[/\\])((meta-inf|__macosx|excerpts)[/\\]|\._)"  # MuseScore: parts extracted from the score
    names = [n for n in names if not re.search(not_scores, n, re.IGNORECASE)]
    suffixed = [n for n in names if n.lower().endswith(tuple(suffixes))]
    if not suffixed and container is None:
        raise ValueError("no score in this archive")
    is_root = re.compile(rf"<(?:\w+:)?(?:{'|'.join(roots)})\b")
    paths = [] if container is None else _root_files(decode_text(_beginning(archive, container, MAX_CONTAINER)))
    for path in paths:
        named = [n for n in names if n == path] or [n for n in names if _plain(n) == _plain(path)]
        if named and is_root.search(decode_text(_beginning(archive, named[0], HEAD))):
            return named[:1]
    scores = [n for n in suffixed if is_root.search(decode_text(_beginning(archive, n, HEAD)))] or suffixed[:1]
    if not scores:
        raise ValueError("no score in this archive")
    depth = min(_plain(n).count("/") for n in scores)
    return [n for n in scores if _plain(n).count("/") == depth]


def _root_files(container: str) -> list[str]:
    """List the paths of scores that a container names, however broken its XML is."""
    paths = []
    container = container.replace("\0", "")  # UTF-16 without a mark
    for element in re.findall(r"<(?:\w+:)?rootfile\b(.*?)(?=<|$)", container, re.DOTALL):
        path = re.search(r"full-path\s*=\s*([\"'])(.*?)\1\s*(?=/?>|[\w-]+\s*=|$)", element, re.DOTALL)
        kind = re.search(r"media-type\s*=\s*[\"']([^\"']*)", element)
        if path and not (kind and re.search("pdf|image|audio|midi", kind[1], re.IGNORECASE)):
            paths.append(unescape(path[2]).strip())
    return paths


def _plain(name: str) -> str:
    """Spell a path so that names which other programs spell otherwise are equal."""
    name = normalize("NFC", unquote(name)).replace("\\", "/").casefold()
    return "/".join(part for part in name.split("/") if part not in ("", "."))

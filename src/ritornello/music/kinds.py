"""Kinds of music files: names, suffixes, and detection by the first bytes."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

KINDS = {
    "midi": ("a MIDI file", ".mid"),
    "musicxml": ("a MusicXML file", ".musicxml"),
    "mxl": ("a compressed MusicXML file", ".mxl"),
    "mei": ("an MEI file", ".mei"),
    "kern": ("a kern file", ".krn"),
    "abc": ("an ABC file", ".abc"),
    "mscx": ("a MuseScore file", ".mscx"),
    "mscz": ("a compressed MuseScore file", ".mscz"),
}
"""Kinds of files: their names in messages, and their usual suffixes."""

SUFFIXES = {
    ".mid": "midi",
    ".midi": "midi",
    ".kar": "midi",
    ".rmi": "midi",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".mxl": "mxl",
    ".mei": "mei",
    ".krn": "kern",
    ".kern": "kern",
    ".abc": "abc",
    ".mscx": "mscx",
    ".mscz": "mscz",
}
"""Every suffix that can be read, and the kind of file that it promises."""


def detect(content: bytes) -> str:
    """Detect the kind of a file by its bytes.

    Returns a key of KINDS, "html", "xml" (of a kind that is no music), or "".
    """
    if content[:4] == b"MThd" or (content[:4] == b"RIFF" and content[8:12] == b"RMID"):
        return "midi"
    if content[:4] == b"PK\x03\x04":
        return _kind_of_zip(content)
    head = decode_text(content[:20_000]).lstrip()
    if head.startswith("<"):
        return _kind_of_xml(head)
    if re.search(r"^\*\*[a-z]", head, re.MULTILINE):
        return "kern"
    return "abc" if re.search(r"^X:\s*\d", head, re.MULTILINE) else ""


def decode_text(content: bytes) -> str:
    """Decode the text of a file: by its byte order mark, else UTF-8, else latin-1 (never fails)."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _kind_of_zip(content: bytes) -> str:
    try:
        names = zipfile.ZipFile(BytesIO(content)).namelist()
    except MemoryError:
        raise
    except Exception:  # zipfile has a dozen ways to say that it is damaged
        return ""
    if any(name.lower().endswith(".mscx") for name in names):
        return "mscz"
    return "mxl" if any(name.lower().endswith((".xml", ".musicxml")) for name in names) else ""


def _kind_of_xml(head: str) -> str:
    """Find the kind by the root element, after declaration, comments and type; "" without one."""
    if re.match(r"<!doctype\s+html|<html", head, re.IGNORECASE):
        return "html"
    head = re.sub(r"<!--.*?-->", "", head, flags=re.DOTALL)
    root = re.search(r"<(?:\w+:)?([A-Za-z][\w-]*)", head)
    kinds = {
        "score-partwise": "musicxml",
        "score-timewise": "musicxml",
        "opus": "musicxml",
        "mei": "mei",
        "museScore": "mscx",
        "html": "html",
    }
    return kinds.get(root[1], "xml") if root else ""

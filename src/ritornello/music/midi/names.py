"""Decode names in MIDI files, which do not state their character encoding.

The bytes decide: other text is hardly ever valid UTF-8; Japanese (Shift JIS) and Chinese (GB 2312) write a sign
as two bytes from ranges of their own; Russian words (Windows 1251) are runs of high bytes, a capital at most first.
Anything else is Windows Latin, as most old files have it.
Sources: JIS X 0208:1997 appendix 1, GB 2312-80, and the Windows code pages 1251 and 1252.
"""

from __future__ import annotations

import re

JAPANESE = re.compile(rb"[\x81-\x9f\xe0-\xef][\x40-\x7e\x80-\xfc]")
CHINESE = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
RUSSIAN = re.compile(rb"(?:[\x00-\x7f]|[\xc0-\xdf\xa8]?[\xe0-\xff\xb8]{2,}|[\xc0-\xdf\xa8]{3,})*")


def decoded_name(name: bytes) -> str:
    """Decode a name on one line; control characters become spaces, other bytes U+FFFD."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", name.decode(_encoding(name), "replace")).strip()


def _encoding(name: bytes) -> str:
    if _decodes(name, "utf-8"):
        return "utf-8"
    if RUSSIAN.fullmatch(name) and re.search(rb"[\xc0-\xff]{3}", name):
        return "cp1251"
    if re.search(rb"[\x81-\x9f]", name) and _is_mostly(JAPANESE, name) and _decodes(name, "cp932"):
        return "cp932"
    if _is_mostly(CHINESE, name) and _decodes(name, "gb2312"):
        return "gb2312"
    return "cp1252"


def _is_mostly(signs: re.Pattern[bytes], name: bytes) -> bool:
    """Test whether half the bytes or more, spaces aside, belong to characters of two bytes."""
    return 4 * len(signs.findall(name)) >= len(b"".join(name.split()))


def _decodes(name: bytes, encoding: str) -> bool:
    try:
        name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True

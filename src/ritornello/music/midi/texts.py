"""Read the texts of MIDI files: names, whose character encoding no file states, and the words that are sung.

Of a name the bytes decide: other text is hardly ever valid UTF-8; Japanese (Shift JIS) and Chinese (GB 2312) write a
sign as two bytes from ranges of their own; Russian words (Windows 1251) are runs of high bytes, a capital at most
first. Anything else is Windows Latin, as most old files have it.
Words are lyric events, or in karaoke files (.kar) text events on a track of their own, which name no part; they are
sung on the onsets of one.
Sources: JIS X 0208:1997 appendix 1, GB 2312-80, the Windows code pages 1251 and 1252; Standard MIDI Files 1.0, "Meta
events"; the karaoke conventions of Tune 1000 ("@" begins information, "/" and "\\" begin a line).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ritornello.music.midi.tracks import events
from ritornello.music.values import Part

JAPANESE = re.compile(rb"[\x81-\x9f\xe0-\xef][\x40-\x7e\x80-\xfc]")
CHINESE = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
RUSSIAN = re.compile(rb"(?:[\x00-\x7f]|[\xc0-\xdf\xa8]?[\xe0-\xff\xb8]{2,}|[\xc0-\xdf\xa8]{3,})*")
FEWEST = 8  # syllables that are words of a song and not a remark
FITTING = 0.5  # how well the onsets of a part must agree with the syllables (harmonic mean of both shares)
NEARLY = 0.95  # of the best agreement: a part that doubles the singer is sung as well
TEXT, LYRIC = 1, 5


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


def syllable_ticks(tracks: Sequence[bytes]) -> list[int]:
    """List the ticks at which a syllable is sung; empty where the file has no words.

    tracks: the bytes of each track, as between its header and its end. Damaged tracks are read as far as they go.
    """
    if sum(track.count(b"\xff\x01") + track.count(b"\xff\x05") for track in tracks) < FEWEST:
        return []
    with_text = [track for track in tracks if b"\xff\x01" in track or b"\xff\x05" in track]
    found = [(tick, kind, text) for t in with_text for tick, _, kind, text in events(t) if kind in (TEXT, LYRIC)]
    lyrics = sorted({tick for tick, kind, text in found if kind == LYRIC and _is_sung(text)})
    if len(lyrics) >= FEWEST:
        return lyrics
    texts = [(tick, text) for tick, kind, text in found if kind == TEXT]
    if not any(text[:1] in (b"@", b"/", b"\\") for _, text in texts):
        return []  # remarks or chord names
    return sorted({tick for tick, text in texts if _is_sung(text)})


def with_syllables(parts: tuple[Part, ...], tracks: Sequence[bytes], ticks_per_quarter: int) -> tuple[Part, ...]:
    """Count the syllables of lyric or karaoke events that each part carries.

    Most are on the part whose onsets agree best, or 0 where none does. tracks: as for `syllable_ticks`.
    """
    sung = syllable_ticks(tracks)
    if len(sung) < FEWEST:
        return parts
    slack, times = max(ticks_per_quarter // 8, 1), np.array(sung)
    hits = [0 if part.is_drum else _hits(part, times, slack) for part in parts]
    fits = [2 * h / (len(times) + len({n.start for n in part.notes})) for h, part in zip(hits, parts, strict=True)]
    least = max(max(fits, default=0.0) * NEARLY, FITTING)
    return tuple(replace(p, syllables=h) if fit >= least else p for p, h, fit in zip(parts, hits, fits, strict=True))


def _hits(part: Part, times: np.ndarray, slack: int) -> int:
    """Count the `times` that have an onset of the part within `slack` ticks."""
    onsets = np.array([n.start for n in part.notes])
    if not len(onsets):
        return 0
    after = np.searchsorted(onsets, times).clip(0, len(onsets) - 1)
    before = (after - 1).clip(0)
    return int((np.minimum(abs(onsets[after] - times), abs(onsets[before] - times)) <= slack).sum())


def _is_sung(text: bytes) -> bool:
    """Test whether a text is a syllable: no information, not empty, not mere punctuation."""
    return text[:1] not in (b"@", b"%") and re.search(rb"[^\W_]|[\x80-\xff]", text) is not None

"""Read the texts of MIDI files: names, whose character encoding no file states, and the words that are sung.

Names that are not UTF-8 or UTF-16 are in the code page of an old program. chardet weighs which one by the letters of
many languages; names are too short for it alone, so that code pages are left out whose text mixes alphabets, and
weighed by how common they are and by how words begin with a capital.
Words are lyric events, or in karaoke files (.kar) text events on a track of their own, which name no part; they are
sung on the onsets of one.
Sources: JIS X 0208:1997 appendix 1 (Shift JIS); Standard MIDI Files 1.0, "Meta events"; the karaoke conventions of
Tune 1000 ("@" begins information, "/" and "\\" begin a line).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ritornello.music.midi.tracks import events
from ritornello.music.values import Part

CODE_PAGES = {
    **dict.fromkeys(("windows-1252", "iso-8859-1", "iso-8859-15"), "cp1252"),
    **dict.fromkeys(("windows-1250", "iso-8859-2"), "cp1250"),
    **dict.fromkeys(("windows-1253", "iso-8859-7"), "cp1253"),
    **dict.fromkeys(("windows-1254", "iso-8859-9"), "cp1254"),
    **dict.fromkeys(("windows-1255", "iso-8859-8"), "cp1255"),
    **dict.fromkeys(("windows-1257", "iso-8859-13"), "cp1257"),
    **dict.fromkeys(("koi8-r", "koi8-t"), "koi8-r"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb2312"),
    **dict.fromkeys(("big5", "big5-hkscs"), "big5"),
    **dict.fromkeys(("cp949", "euc-kr"), "cp949"),
    **dict.fromkeys(("cp932", "shift_jis", "shift-jis"), "cp932"),
    **{"windows-1251": "cp1251", "koi8-u": "koi8-u", "euc-jp": "euc-jp"},
}
"""What chardet may find, and how it is read."""

COMMON = {"cp1257": 0.7, "cp1252": 1.1}  # how common beside the others
ONLY_JAPANESE, ODD = 3.0, 0.2  # weights: for bytes that are all Shift JIS, for what no name looks like
JAPANESE = re.compile(rb"(?=.*[\x81-\x9f])(?:[\x00-\x7f]|[\x81-\x9f\xe0-\xef][\x40-\x7e\x80-\xfc])*", re.DOTALL)
FEWEST = 8  # syllables that are words of a song and not a remark
FITTING = 0.5  # how well the onsets of a part must agree with the syllables (harmonic mean of both shares)
NEARLY = 0.95  # of the best agreement: a part that doubles the singer is sung as well
TEXT, LYRIC = 1, 5


def decoded_names(names: Sequence[bytes]) -> list[str]:
    """Decode the names in a file, each on one line; unknown bytes become U+FFFD.

    One code page is found for all of them; a name that it does not fit gets its own.
    """
    sure = [_unicode(name) for name in names]
    legacy = [name for name, text in zip(names, sure, strict=True) if text is None]
    page = _code_page(b" ".join(legacy)) if legacy else ""
    found = []
    for name, text in zip(names, sure, strict=True):
        if text is None:
            own = page if _decodes(name, page) else _code_page(name)
            text = name.decode(own, "replace")
        found.append(re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip())
    return found


def _unicode(name: bytes) -> str | None:
    """Decode UTF-8 and UTF-16, by its mark or its zero bytes; None for anything else."""
    if name[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return name.decode("utf-16", "replace")
    if len(name) >= 4 and len(name) % 2 == 0:
        for zeros, others, encoding in ((name[1::2], name[::2], "utf-16-le"), (name[::2], name[1::2], "utf-16-be")):
            if not any(zeros) and all(others):
                return name.decode(encoding)
    return name.decode("utf-8-sig") if _decodes(name, "utf-8") else None


def _code_page(name: bytes) -> str:
    """Find the code page of a name by its letters, Windows Latin where none is likely."""
    import chardet

    weighed = []
    for found in chardet.detect_all(name, ignore_threshold=True):
        page = CODE_PAGES.get((found["encoding"] or "").lower(), "")
        if page and _decodes(name, page) and _is_one_alphabet(text := name.decode(page)):
            weight = found["confidence"] * COMMON.get(page, 1.0)
            weight *= ONLY_JAPANESE if page == "cp932" and JAPANESE.fullmatch(name) else 1.0
            weight *= ODD if _is_odd(text, page) else 1.0
            weighed.append((weight, page))
    return max(weighed, default=(0.0, "cp1252"))[1]


def _is_one_alphabet(text: str) -> bool:
    """Test whether no word mixes Latin letters with others, and every sign exists."""
    if any(unicodedata.category(sign) in ("Cc", "Co", "Cn") for sign in text if sign > "\x7f"):
        return False
    words = [[unicodedata.name(c, "").startswith("LATIN") for c in word if c.isalpha()] for word in text.split()]
    latin, letters = sum(map(sum, words)), sum(map(len, words))
    return all(len(set(word)) < 2 for word in words) and (latin == letters or 2 * latin <= letters)


def _is_odd(text: str, page: str) -> bool:
    """Test whether a text looks like no name of its code page.

    That is: a capital or a sign inside a word, Korean without Hangul, KOI8 (its capitals are small letters
    elsewhere) without a capital.
    """
    if any(a.islower() and b.isupper() for a, b in pairwise(text)) or re.search(r"[^\W\d_][¡-¿×÷][^\W\d_]", text):
        return True
    return not re.search("[가-힣]", text) if page == "cp949" else page.startswith("koi8") and text.islower()


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

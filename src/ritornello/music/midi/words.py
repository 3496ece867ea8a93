"""Find when the words of a MIDI file are sung, and by which of its parts.

Words are lyric events, or in karaoke files (.kar) text events on a track of their own, which name no part; they are
sung on the onsets of one. Source: Standard MIDI Files 1.0, "Meta events"; the karaoke conventions of Tune 1000
("@" begins information, "/" and "\\" begin a line).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ritornello.music.midi.events import events
from ritornello.music.values import Part

FEWEST = 8  # syllables that are words of a song and not a remark
FITTING = 0.5  # how well the onsets of a part must agree with the syllables (harmonic mean of both shares)
NEARLY = 0.95  # of the best agreement: a part that doubles the singer is sung as well
TEXT, LYRIC = 1, 5


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


def count_syllables(parts: Sequence[Part], sung: Sequence[int], ticks_per_quarter: int) -> list[int]:
    """Count the syllables at ticks `sung` that each part carries.

    Most are on the part whose onsets agree best, or 0 where none does.
    """
    if len(sung) < FEWEST:
        return [0] * len(parts)
    slack, times = max(ticks_per_quarter // 8, 1), np.array(sung)
    hits = [0 if part.is_drum else _hits(part, times, slack) for part in parts]
    fits = [2 * h / (len(times) + len({n.start for n in part.notes})) for h, part in zip(hits, parts, strict=True)]
    least = max(max(fits, default=0.0) * NEARLY, FITTING)
    return [h if fit >= least else 0 for h, fit in zip(hits, fits, strict=True)]


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

"""Name keys, list their scales, and estimate the key of notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from ritornello.music.spelling import LINE_OF_FIFTHS
from ritornello.music.values import Key, Note

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
SURE = 0.03  # an estimate with a smaller lead is dropped
FITS_BETTER = 0.08  # of the sounding time, to overrule a stated C major
LEADING_TONE = 11  # minor melodies raise their seventh at cadences; a scale lock lets them

# How well each degree above the tonic fits: listeners' ratings, Krumhansl & Kessler 1982.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_KEY_NAME = re.compile(r"([A-Ga-g])(#{1,2}|b{1,2}|♯|♭)?\s*(major|minor|maj|min|m|dur|moll)?")


def parse_key(name: str) -> Key:
    """Read the name of a key: "G", "Bb major", "F#m", "e" (a small letter is minor). Tick 0.

    Raises ValueError for anything else, and for a key with more than seven accidentals.
    """
    match = _KEY_NAME.fullmatch(name.strip())
    if not match:
        raise ValueError(f"no such key: {name!r}; write a letter A to G with # or b and perhaps m, as in G, Bb, F#m")
    letter, accidental, mode_name = match.group(1), match.group(2) or "", match.group(3) or ""
    is_minor = mode_name.startswith(("mi", "mo")) or mode_name == "m" or (letter.islower() and not mode_name)
    mode = "minor" if is_minor else "major"
    alter = accidental.count("#") + accidental.count("♯") - accidental.count("b") - accidental.count("♭")
    fifths = LINE_OF_FIFTHS.index(letter.upper()) - 1 + 7 * alter - (3 if mode == "minor" else 0)
    if not -7 <= fifths <= 7:
        raise ValueError(f"no such key: {name!r} would need {abs(fifths)} accidentals; 7 is the most")
    return Key(0, fifths, mode)


def key_name(key: Key) -> str:
    """Name a key: "Bb major", "F# minor"."""
    place = key.fifths + (3 if key.mode == "minor" else 0) + 1
    letter = LINE_OF_FIFTHS[place % 7]
    return f"{letter}{'#' * (place // 7) if place >= 0 else 'b' * -(place // 7)} {key.mode}"


def pitch_name(pitch: int) -> str:
    """Name a pitch with its octave: 60 is C4; black keys by their commoner names."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"


def scale_pitch_classes(key: Key) -> set[int]:
    """List the pitch classes (0 = C) of a key's scale; minor has its raised seventh as well."""
    degrees = set(SCALES[key.mode]) | ({LEADING_TONE} if key.mode == "minor" else set())
    return {(key.tonic + degree) % 12 for degree in degrees}


def estimate_key(notes: Iterable[Note]) -> tuple[Key, float]:
    """Estimate the key by the total duration of each pitch class, with a confidence 0 to 1.

    The confidence is the lead of the best correlation over the best of another tonic. C major and 0 for no notes.
    Source: Krumhansl 1990, Cognitive Foundations of Musical Pitch (the Krumhansl-Schmuckler algorithm).
    """
    sums = [0] * 12
    for note in notes:
        sums[note.pitch % 12] += note.duration
    weights = np.array(sums, float)
    weights -= weights.mean()
    if not weights.any():
        return Key(0, 0, "major"), 0.0
    fits = _PROFILE_ROWS @ weights / np.linalg.norm(weights)  # (24,) correlations
    best = int(fits.argmax())
    rivals = np.delete(fits, [best % 12, best % 12 + 12])
    mode = "major" if best < 12 else "minor"
    return key_of(best % 12, mode), max(0.0, float(fits[best] - rivals.max()))


def settled_key(stated: Key | None, found: Key, confidence: float, notes: Sequence[Note]) -> Key | None:
    """Choose the key of a melody: the stated one, else the estimate (`estimate_key`).

    Many programs write C major into a file without asking: it gives way to an estimate that holds clearly more of the
    notes. None where no key is stated and none leads by SURE.
    """
    if stated is None:
        return found if confidence >= SURE else None
    if stated[1:] != (0, "major") or confidence < SURE or found.tonic == stated.tonic:
        return stated
    total = sum(note.duration for note in notes) or 1
    scales = [scale_pitch_classes(key) for key in (stated, found)]
    inside = [sum(n.duration for n in notes if n.pitch % 12 in scale) / total for scale in scales]
    return found if inside[1] - inside[0] >= FITS_BETTER else stated


def key_of(tonic: int, mode: str) -> Key:
    """Find the key on a pitch class with the fewest accidentals (six flats, never six sharps)."""
    fifths = (tonic * 7 - (3 if mode == "minor" else 0) + 6) % 12 - 6
    return Key(0, fifths, mode)


_rows = np.array([np.roll(profile, tonic) for profile in PROFILES.values() for tonic in range(12)])
_rows -= _rows.mean(1, keepdims=True)
_PROFILE_ROWS = _rows / np.linalg.norm(_rows, axis=1, keepdims=True)
"""Profiles of 24 keys: (24, 12), centred, of length 1, major on C to B, then minor."""

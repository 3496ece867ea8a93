"""Name keys, list their scales, and estimate the key of notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache

import numpy as np

from ritornello.music.spelling import name_at, place_of
from ritornello.music.values import MODES, Key, Note

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
PITCH_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
SCALES = {  # semitones above the tonic
    mode: tuple(sorted((degree - above) % 12 for degree in (0, 2, 4, 5, 7, 9, 11))) for mode, above in MODES.items()
}
PENTATONIC = {"major": (0, 2, 4, 7, 9), "minor": (0, 3, 5, 7, 10)}
SURE = 0.03  # an estimate with a smaller lead is dropped
FITS_BETTER = 0.08  # of the sounding time, to overrule a stated C major
LEADING_TONE = 11  # minor melodies raise their seventh at cadences; a scale lock lets them

# How well each degree above the tonic fits: listeners' ratings, Krumhansl & Kessler 1982.
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# How well a pitch class fits a signature by its share of the time, as last and as first note (`estimate_signature`):
# from the major tonic of the signature up the line of fifths, so that the seven notes of the scale are 11 and 0 to 5.
SIGNATURE_WEIGHTS = (
    (0.8, 0.1, -0.1, 0.8, 1.4, 0.4, -1.0, -1.0, -0.3, -0.7, -0.8, 0.5),
    (1.7, 0.8, -0.2, 0.9, 0.3, -0.6, 0.6, -0.8, 0.1, -0.4, -1.0, -1.5),
    (0.0, 0.9, -0.4, 0.6, 1.5, -0.6, -0.3, -0.6, 0.3, -0.7, -0.1, -0.5),
)
LEAST_SHARE = 0.003  # of the time; what is missing counts as so much
_TONIC = r"([A-Ga-g])(#{1,2}|b{1,2}|♯|♭)?"
_KEY_NAME = re.compile(_TONIC + r"(?:\s*([A-Za-z]+))?")
_MODE_NAMES = (*MODES, "ionian", "aeolian", "dur", "moll")
_OTHER_NAMES = {"ionian": "major", "dur": "major", "aeolian": "minor", "moll": "minor"}
LEGAL_KEYS = (
    "write a letter A to G with # or b, and m or a mode (major, minor, dorian, phrygian, lydian, mixolydian, "
    "locrian), as in G, Bb, F#m, D dorian"
)


@lru_cache(maxsize=1024)
def parse_key(name: str) -> Key:
    """Read the name of a key, at tick 0: "G", "Bb major", "F#m", "D dorian", "e" (minor).

    Raises ValueError for anything else, and for a key with more than seven accidentals.
    """
    match = _KEY_NAME.fullmatch(name.strip())
    mode = None if match is None else mode_named(match[3] or ("m" if match[1].islower() else "major"))
    if match is None or mode is None:
        raise ValueError(f"no such key: {name!r}; {_nearest_key(name)}{LEGAL_KEYS}")
    fifths = place_of(match[1], match[2]) - tonic_above(mode)
    if not -7 <= fifths <= 7:
        raise ValueError(f"no such key: {name!r} would need {abs(fifths)} accidentals; 7 is the most")
    return Key(0, fifths, mode)


def _nearest_key(name: str) -> str:
    """Ask whether a key with a mode that is written alike is meant; "" where there is none."""
    tonic, *modes = name.split()[:2] or [""]
    near = get_close_matches(modes[0].lower(), _MODE_NAMES, 1) if modes else []
    return f'did you mean "{tonic} {near[0]}"? ' if near and re.fullmatch(_TONIC, tonic) else ""


def parse_key_and_scale(name: str) -> tuple[Key, frozenset[int]]:
    """Read a key or its pentatonic scale ("A minor pentatonic"), with pitch classes (0 = C).

    Raises ValueError for anything else.
    """
    words = name.split()
    if words and words[-1].lower() == "pentatonic" and len(words) > 1:
        key = parse_key(" ".join(words[:-1]))
        degrees = PENTATONIC["minor" if key.is_minor else "major"]
        return key, frozenset((key.tonic + degree) % 12 for degree in degrees)
    key = parse_key(name)
    return key, frozenset(scale_pitch_classes(key))


def parse_scale(text: str) -> tuple[Key, frozenset[int]]:
    """Read a scale of pitch names, the tonic first ("C D E G A"), or of a key ("D dorian").

    Returns key and pitch classes.

    The key is the one on the tonic, and with the third of the scale, that holds most of its pitches; major and minor
    go before other modes. Raises ValueError for anything but three or more pitches.
    """
    words = text.replace(",", " ").split()
    if len(words) in (2, 3) and re.fullmatch(r"[A-Za-z]{3,}", words[1]):
        return parse_key_and_scale(text)
    matches = [re.fullmatch(_TONIC, word) for word in words]
    places = [place_of(match[1], match[2]) for match in matches if match]
    pitches = frozenset(place * 7 % 12 for place in places)
    if len(places) < len(words) or len(pitches) < 3:
        raise ValueError(f"not a scale: {text!r}; write three or more pitches, the tonic first, as in C D E G A")
    keys = [Key(0, places[0] - tonic_above(mode), mode) for mode in MODES]
    has_minor_third = (places[0] * 7 + 3) % 12 in pitches and (places[0] * 7 + 4) % 12 not in pitches
    fitting = [key for key in keys if -7 <= key.fifths <= 7 and key.is_minor == has_minor_third]
    if not fitting:
        raise ValueError(f"not a scale: {text!r} would need more than 7 accidentals at the clef")
    key = max(fitting, key=lambda key: len(pitches & {(key.tonic + degree) % 12 for degree in SCALES[key.mode]}))
    return key, pitches


def mode_named(word: str) -> str | None:
    """Find the mode that a word names, by "m" or at least three letters; None for another."""
    if word == "m":
        return "minor"
    names = [name for name in _MODE_NAMES if len(word) >= 3 and name.startswith(word.lower())]
    return _OTHER_NAMES.get(names[0], names[0]) if names else None


def tonic_above(mode: str) -> int:
    """Count the fifths from the major tonic of a signature to that of `mode`: 2 of dorian."""
    return (7 * MODES[mode] + 1) % 12 - 1


def key_on(letter: str, alter: int, fifths: int | None, stated: str | None) -> Key | None:
    """Find the key on a tonic (letter, alter) under a signature. stated: its mode, if any.

    A signature that makes another mode with the same third overrules "major" and "minor", words for the third alone
    in many files: F with three flats, called minor, is F dorian. None for what needs more than seven accidentals.
    """
    place = place_of(letter) + 7 * alter
    modes = {place - tonic_above(mode): mode for mode in MODES}
    found = modes.get(fifths) if fifths is not None else None
    if stated not in (None, "major", "minor") or found is None:
        mode = stated or "major"
    else:
        is_same = stated is None or Key(0, 0, found).is_minor == Key(0, 0, stated).is_minor
        mode = found if is_same else stated or found
    key = Key(0, place - tonic_above(mode), mode)
    return key if -7 <= key.fifths <= 7 else None


def key_name(key: Key) -> str:
    """Name a key: "Bb major", "F# minor", "D dorian"."""
    return f"{name_at(key.fifths + tonic_above(key.mode))} {key.mode}"


def plain_key(key: Key) -> Key:
    """Find the major or minor key with the tonic and the third of a key in any mode."""
    mode = "minor" if key.is_minor else "major"
    fifths = key.fifths + tonic_above(key.mode) - tonic_above(mode)
    return key._replace(
        fifths=fifths if -7 <= fifths <= 7 else fifths - 12 * (fifths > 0) + 12 * (fifths < 0), mode=mode
    )


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
    fits = PROFILE_ROWS @ weights / np.linalg.norm(weights)  # (24,) correlations
    best = int(fits.argmax())
    rivals = np.delete(fits, [best % 12, best % 12 + 12])
    return key_of_row(best), max(0.0, float(fits[best] - rivals.max()))


def estimate_signature(notes: Sequence[Note]) -> int:
    """Estimate the key signature, -6 to 5 fifths, by which pitches sound, begin and end.

    It is a regression on the logarithm of each pitch class's share of the time and on the first and last note, the
    same in all keys, fitted to hymns and songs (`benchmarks.engraving.fit`). It finds which signature is written more
    often than `estimate_key`, which finds the tonic. 0 for no notes.
    """
    if not notes:
        return 0
    places = [note.pitch * 7 % 12 for note in notes]  # on the line of fifths, C being 0
    time = np.bincount(places, [note.duration for note in notes], 12)
    features = np.zeros((3, 12))
    features[0] = np.log(time / time.sum() + LEAST_SHARE)
    features[1, places[-1]] = features[2, places[0]] = 1
    fits = [(np.roll(features, -fifths, 1) * SIGNATURE_WEIGHTS).sum() for fifths in range(-6, 6)]
    return int(np.argmax(fits)) - 6


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
    return Key(0, (tonic * 7 - tonic_above(mode) + 6) % 12 - 6, mode)


def key_of_row(row: int) -> Key:
    """Return the key of a row of PROFILE_ROWS."""
    return key_of(row % 12, "major" if row < 12 else "minor")


_rows = np.array([np.roll(profile, tonic) for profile in PROFILES.values() for tonic in range(12)])
_rows -= _rows.mean(1, keepdims=True)
PROFILE_ROWS = _rows / np.linalg.norm(_rows, axis=1, keepdims=True)
"""Profiles of 24 keys: (24, 12), centred, of length 1, major on C to B, then minor."""

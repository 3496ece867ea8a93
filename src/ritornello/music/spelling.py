"""Name pitches: from MIDI numbers to letters and accidentals, by the line of fifths round a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

LINE_OF_FIFTHS = "FCGDAEB"  # from F (position -1) on; seven further the same letters return, sharper
_LOWEST, _HIGHEST = -3, 8  # twelve neighbours round the tonic of a major key: flat third ... sharp fifth


class Spelled(NamedTuple):
    """A pitch by name: letter A-G, alteration in semitones, octave (4 begins at middle C)."""

    letter: str
    alter: int
    octave: int


def alterations(fifths: int) -> dict[str, int]:
    """List the letters that a key of `fifths` (-7 to 7) alters: 1 for a sharp, -1 for a flat."""
    if fifths >= 0:
        return dict.fromkeys(LINE_OF_FIFTHS[:fifths], 1)
    return dict.fromkeys(LINE_OF_FIFTHS[fifths:], -1)


def spell(pitches: Sequence[int], fifths: int, tones: Sequence[Mapping[int, int]] | None = None) -> list[Spelled]:
    """Spell each pitch (0-127, 60 is C4) in a key of `fifths` (-7 to 7).

    tones: of each pitch the places on the line of fifths, by pitch class, of the chord that sounds with it: a
    chromatic note that belongs to its chord is written as the chord has it.

    Notes of the key get the key's own names. A chromatic note is named by the twelve neighbours of the key
    on the line of fifths (in C: C# D Eb E F F# G G# A Bb B), save that a lowered second, sixth or third, or the
    sharp that sounds the same, is written as what it moves to by a semitone: sharp before a rise, flat before a fall.
    The alteration lies within -2 (double flat) to 2. The octave counts by letter: B sharp below C4 is ("B", 1, 3).
    Raises ValueError if `fifths` or a pitch is out of range.
    The idea of the line of fifths: Temperley 2001, "The Cognition of Basic Musical Structures", chapter 5.
    """
    if not -7 <= fifths <= 7:
        raise ValueError(f"a key has -7 to 7 fifths, not {fifths}")
    following = [*pitches[1:], None]
    places = [_position(pitch, after, fifths) for pitch, after in zip(pitches, following, strict=False)]
    if tones is not None:
        of_chords = [of_chord.get(pitch % 12) for pitch, of_chord in zip(pitches, tones, strict=True)]
        places = [_of_chord(place, tone, fifths) for place, tone in zip(places, of_chords, strict=True)]
    return [_named(pitch, place) for pitch, place in zip(pitches, places, strict=True)]


def _of_chord(place: int, tone: int | None, fifths: int) -> int:
    """Take the place of a chord tone for a note that is not of the key.

    Never more than a double sharp or flat.
    """
    is_of_key = -1 <= place - fifths <= 5
    return place if tone is None or is_of_key or not -15 <= tone <= 19 else tone


def _position(pitch: int, following: int | None, fifths: int) -> int:
    """Find the place of `pitch` on the line of fifths, C being 0."""
    if not 0 <= pitch <= 127:
        raise ValueError(f"pitch must be 0 to 127, not {pitch}")
    above_tonic = (pitch * 7 - fifths - _LOWEST) % 12 + _LOWEST
    move = 0 if following is None else following - pitch
    if above_tonic in (7, 8) and move == -1:
        above_tonic -= 12
    elif above_tonic == _LOWEST and move == 1:
        above_tonic += 12
    return fifths + above_tonic


def _named(pitch: int, position: int) -> Spelled:
    letter, alter = letter_at(position)
    return Spelled(letter, alter, (pitch - alter) // 12 - 1)


def place_of(letter: str, signs: str | None = None) -> int:
    """Find the place of a letter with its sharps or flats on the line of fifths, C being 0."""
    alter = sum({"#": 1, "♯": 1, "b": -1, "♭": -1}[sign] for sign in signs or "")
    return LINE_OF_FIFTHS.index(letter.upper()) - 1 + 7 * alter


def letter_at(place: int) -> tuple[str, int]:
    """Find letter and alteration in semitones of a place on the line of fifths."""
    alter, letter = divmod(place + 1, 7)
    return LINE_OF_FIFTHS[letter], alter


def name_at(place: int) -> str:
    """Name a place on the line of fifths: 0 is C, -2 is Bb."""
    letter, alter = letter_at(place)
    return letter + ("#" * alter if alter > 0 else "b" * -alter)

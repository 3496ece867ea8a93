"""An independent, small reader of single-spine kern files, written from the Humdrum guide, for tests alone."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


class KernNote(NamedTuple):
    onset: Fraction  # quarters from the first note or rest
    duration: Fraction
    pitch: int


def count_kern(text: str) -> tuple[list[KernNote], list[Fraction], Fraction]:
    """Sounding notes (ties merged, grace notes left out), onsets of the bars, and the whole length."""
    notes: list[KernNote] = []
    bars = [Fraction(0)]
    now = Fraction(0)
    for line in text.splitlines():
        token = line.strip()
        if not token or token[0] in "!*.":
            continue
        assert "\t" not in token, "more than one spine"
        if token[0] == "=":
            if now != bars[-1]:
                bars.append(now)
            continue
        assert " " not in token, "a chord"
        if "q" in token.lower():
            continue
        duration = kern_duration(token)
        if "r" not in token:
            pitch = kern_pitch(token)
            if "_" in token or "]" in token:
                before = notes[-1]
                assert before.pitch == pitch
                assert before.onset + before.duration == now
                notes[-1] = before._replace(duration=before.duration + duration)
            else:
                notes.append(KernNote(now, duration, pitch))
        now += duration
    return notes, bars, now


def kern_duration(token: str) -> Fraction:
    """Quarters of a token: 4 is a quarter, 0 a breve, each dot adds half of what was added before."""
    digits = re.search(r"\d+", token)
    assert digits, token
    number = int(digits[0])
    whole = Fraction(8) if number == 0 else Fraction(4, number)
    dots = token.count(".")
    return whole * (2 - Fraction(1, 2**dots))


def kern_pitch(token: str) -> int:
    """MIDI pitch of a token: c is middle C, cc an octave up, C an octave down."""
    found = re.search(r"[a-g]+|[A-G]+", token)
    assert found, token
    letters = found[0]
    assert len(set(letters)) == 1, token
    octave = 4 + len(letters) - 1 if letters.islower() else 3 - (len(letters) - 1)
    return 12 * (octave + 1) + STEPS[letters[0].lower()] + token.count("#") - token.count("-")

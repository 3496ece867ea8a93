"""Read the fields of ABC notation (K:, M:, L:, Q:, V:, P:) as plain values.

Lengths are Fractions of a quarter note. Source: the ABC standard 2.1, sections 3, 4.6 and 7
(abcnotation.com/wiki/abc:standard:v2.1); where it is silent, what abc2midi plays.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ritornello.music.beats import joined_metre
from ritornello.music.keys import key_on, mode_named, tonic_above
from ritornello.music.spelling import LINE_OF_FIFTHS, alterations
from ritornello.music.values import MetreName

_TONIC = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_SIGN = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")
_SIGNS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
_NAMED = r"clef|name|nm|sname|snm|subname|octave|transpose|middle|style|shift|sound|score|instrument|stafflines"
_PARAMETER = re.compile(  # "K:D =c" and "K:Dmix=f" name no parameter: they make a note of the key natural
    rf'(?<![\w-])(?:({_NAMED})\s*=\s*|([a-z][\w-]*)=(?![A-G](?:[\s=^_]|$))|(m)=)("[^"]*"|[^\s"]+)', re.IGNORECASE
)
_CLEF = re.compile(r"\b(treble|alto|tenor|bass|perc|soprano|mezzo|mezzosoprano|baritone)\d?([+-]8)?(?![\w=])")
_TERM = re.compile(r"(\d{1,3}(?:\+\d{1,3})*)/(\d{1,3})")  # of a metre: 3/8, 2+2+3/8
_OCTAVE_CLEF = {"+8": 1, "-8": -1}
_ACCENTS = dict(zip("`'^~\"uvc", "\u0300\u0301\u0302\u0303\u0308\u0306\u030c\u0327", strict=True))
_LIGATURES = {"ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "/o": "ø", "/O": "Ø", "aa": "å", "AA": "Å"}
_ESCAPE = re.compile(r"\\(?:(ss|ae|AE|oe|OE|/o|/O|aa|AA)|([`'^~\"uvc])([A-Za-z])|u([0-9a-fA-F]{4})|([%&\\]))")


@dataclass(frozen=True)
class Signature:
    """The key of a K: field: the alteration of each letter, and fifths and mode as in `values.Key`.

    fifths: -7 to 7, that of the signature. mode: of `values.MODES`.
    known: False for K:none, which names no key.
    """

    alterations: dict[str, int]
    fifths: int = 0
    mode: str = "major"
    known: bool = True


def parse_key_field(text: str) -> Signature | None:
    """Read a K: field.

    Gives None where it names no tonic (only a clef, say). Raises ValueError for an unknown mode.
    Bagpipe keys HP and Hp sound F sharp and C sharp. `exp` takes the explicit accidentals alone.
    """
    text = _CLEF.sub(" ", _PARAMETER.sub(" ", text.replace("♯", "#").replace("♭", "b"))).strip()
    explicit = {letter.upper(): _SIGNS[sign] for sign, letter in _SIGN.findall(text)}
    if text[:2] in ("HP", "Hp"):
        return Signature({"F": 1, "C": 1} | explicit, 2, "mixolydian")  # on A
    if text.lower().startswith("none") or text == "":
        return Signature(explicit, known=False) if text else None
    tonic = _TONIC.match(text)
    if tonic is None:
        if not explicit:
            raise ValueError(f'"{text}" is not a key; a tonic A to G, HP, Hp or none is expected')
        return _with_accidentals(Signature({}), explicit)
    letter, accidental, word = tonic.groups()
    sharpened = {"#": 7, "b": -7, "": 0}[accidental]
    if word.lower() == "exp":
        signature = _with_accidentals(Signature({}), explicit)
        key = key_on(letter, sharpened // 7, signature.fifths, None)
        return Signature(signature.alterations, *key[1:]) if key else signature
    mode = mode_named(word if word == "m" else word[:3]) if word else "major"
    if mode is None:
        raise ValueError(f'"{word}" is not a mode; maj, min, dor, phr, lyd, mix, loc, aeo, ion or exp is expected')
    fifths = LINE_OF_FIFTHS.index(letter) - 1 + sharpened - tonic_above(mode)
    if not -7 <= fifths <= 7:
        raise ValueError(f'"{text}" has more than seven sharps or flats')
    signature = Signature(alterations(fifths), fifths, mode)
    if not explicit:
        return signature
    altered = _with_accidentals(signature, explicit)  # K:D =c is D mixolydian; what is no mode keeps the name it has
    is_mode = alterations(altered.fifths) == {letter: alter for letter, alter in altered.alterations.items() if alter}
    key = key_on(letter, sharpened // 7, altered.fifths, None) if is_mode else None
    fifths, mode = key[1:] if key else (fifths, mode)
    return Signature(altered.alterations, fifths, mode)


def _with_accidentals(signature: Signature, explicit: dict[str, int]) -> Signature:
    """Add explicit accidentals; the fifths become the sharps less the flats at the clef."""
    altered = signature.alterations | explicit
    return Signature(altered, max(-7, min(7, sum(altered.values()))), signature.mode)


def parse_voice_options(text: str) -> dict[str, Any]:
    """Read the parameters of a K: or V: field: name, octave, clef, transpose, style of heads.

    Returns the fields of `voices.Settings` that it gives.
    """
    given = {(a or b or c).lower(): value.strip('"') for a, b, c, value in _PARAMETER.findall(text)}
    clef = _CLEF.search(given.get("clef", _PARAMETER.sub(" ", text)))
    options = {
        "name": given.get("name", given.get("nm")),
        "octave": _whole(given.get("octave")),
        "clef_octave": _OCTAVE_CLEF.get(clef.group(2), 0) if clef else None,
        "transpose": _whole(given.get("transpose")),
        "is_drum": clef.group(1) == "perc" if clef else None,
        "is_slashed": given["style"].lower() == "rhythm" if "style" in given else None,
    }
    return {field: value for field, value in options.items() if value is not None}


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[+-]?\d{1,3}", text) else None


def parse_metre(text: str) -> MetreName | None:
    """Read an M: field as numerator, denominator and the groups it states, M:none as None.

    Raises ValueError for anything else.
    C is 4/4, C| is 2/2; "2+3/8" and "(2+3)/8" are 5/8, "3/8+2/4" is 3+2+2/8; of "3/4 2/4" and "6/8(3/4)" the first
    holds.
    """
    text = re.sub(r"\s*([/+|])\s*", r"\1", text.strip())
    if text.lower() in ("none", ""):
        return None
    if text.upper() in ("C", "C|"):
        return (4, 4) if text.upper() == "C" else (2, 2)
    first = re.sub(r"[() ]", "", re.split(r"(?<=/\d)\s*[ (]|(?<=/\d\d)\s*[ (]", text)[0])
    terms = [([int(n) for n in above.split("+")], int(below)) for above, below in _TERM.findall(first)]
    is_sum = re.fullmatch(rf"{_TERM.pattern}(?:\+{_TERM.pattern})*", first)
    if not is_sum or any(min(*above, below) < 1 for above, below in terms):
        raise ValueError(f'"{text}" is not a metre; 3/4, 2+3/8, C, C| or none is expected')
    return joined_metre(terms)


def parse_unit(text: str) -> Fraction:
    """Read an L: field ("1/8") as quarters. Raises ValueError for no fraction above 0."""
    found = re.fullmatch(r"(\d{1,4})(?:/(\d{1,4}))?", "".join(text.split()))
    if found is None or not int(found.group(1)) or (found.group(2) and not int(found.group(2))):
        raise ValueError(f'"{text}" is not a note length; 1/4, 1/8 or 1/16 is expected')
    return 4 * Fraction(int(found.group(1)), int(found.group(2) or 1))


def default_unit(metre: MetreName | None) -> Fraction:
    """Choose the unit where no L: is given: a sixteenth in metres below 3/4, else an eighth."""
    return Fraction(1, 4) if metre and Fraction(metre[0], metre[1]) < Fraction(3, 4) else Fraction(1, 2)


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Read a Q: field as quarters per minute.

    Gives None for words alone, or a speed of 0.
    "1/4=100", "1/4 3/8=40" (the sum is one beat), "Allegro" 1/4=120; the old "120" and "C3=40" count units (L:).
    """
    text = re.sub(r'"[^"]*"', " ", text)
    found = re.fullmatch(r"\s*(?:([^=]*)=)?\s*(\d{1,6}(?:\.\d*)?)\s*", text)
    if found is None or float(found.group(2)) == 0:
        return None
    beat = Fraction(0)
    for number, below, old in re.findall(r"(\d{1,4})/(\d{1,4})|C(\d{0,3})", found.group(1) or "C"):
        beat += 4 * Fraction(int(number), int(below) or 1) if number else unit * int(old or 1)
    return float(beat * Fraction(found.group(2))) or None


def parse_parts(text: str, limit: int = 1000) -> str:
    """Read the order of parts in the header's P: field: "A2(BC)2" is "AABCBC".

    Raises ValueError above `limit` parts, or where brackets do not match.
    """
    text = re.sub(r"[^A-Za-z0-9()]", "", text)
    stack = [""]
    for token, times in re.findall(r"([A-Za-z()])(\d{0,3})", text):
        if token == "(":
            stack.append("")
            continue
        if token == ")" and len(stack) < 2:
            raise ValueError(f'brackets do not match in the parts "{text}"')
        played = stack.pop() if token == ")" else token
        stack[-1] += played * int(times or 1)
        if len(stack[-1]) > limit:
            raise ValueError(f'"{text}" asks for more than {limit} parts')
    if len(stack) != 1:
        raise ValueError(f'brackets do not match in the parts "{text}"')
    return stack[0]


def plain_text(text: str) -> str:
    r"""Resolve ABC's escapes in a title or name, on one line: \'e, &eacute; and \u00e9 are é."""

    def letter(found: re.Match[str]) -> str:
        ligature, accent, base, code, itself = found.groups()
        if ligature:
            return _LIGATURES[ligature]
        if accent:
            return unicodedata.normalize("NFC", base + _ACCENTS[accent])
        return chr(int(code, 16)) if code else itself

    return " ".join(html.unescape(_ESCAPE.sub(letter, text)).split())

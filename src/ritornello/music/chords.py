"""Chord symbols: read "Bbm7b5/Ab" and its many spellings, name chords in a key, list their pitch classes.

A chord is its root, one of twelve qualities and its bass: what a network learns. A symbol that says more ("C13b9",
"F6") or is spelled against its key ("Gb7" in C major) keeps that as `text`, in one spelling for all ways to write it.
Inside, a symbol is a set of degrees above the root with their alterations, as in MusicXML: (7, 0) is a minor seventh,
(7, 1) a major one, (7, -1) a diminished one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple, Protocol

from ritornello.music.spelling import name_at, place_of

Degrees = frozenset[tuple[int, int]]  # degree above the root and its alteration in semitones

QUALITIES: dict[str, tuple[str, Degrees]] = {  # how each is written after its root, and its degrees
    "major": ("", frozenset({(3, 0), (5, 0)})),
    "minor": ("m", frozenset({(3, -1), (5, 0)})),
    "diminished": ("dim", frozenset({(3, -1), (5, -1)})),
    "augmented": ("aug", frozenset({(3, 0), (5, 1)})),
    "dominant": ("7", frozenset({(3, 0), (5, 0), (7, 0)})),
    "major7": ("maj7", frozenset({(3, 0), (5, 0), (7, 1)})),
    "minor7": ("m7", frozenset({(3, -1), (5, 0), (7, 0)})),
    "half-diminished": ("m7b5", frozenset({(3, -1), (5, -1), (7, 0)})),
    "diminished7": ("dim7", frozenset({(3, -1), (5, -1), (7, -1)})),
    "sus2": ("sus2", frozenset({(2, 0), (5, 0)})),
    "sus4": ("sus4", frozenset({(4, 0), (5, 0)})),
    "none": ("N.C.", frozenset()),
}
ALTERED = frozenset({(3, 0), (7, 0), (5, -1), (5, 1), (9, -1), (9, 1)})  # of "7alt"
SEMITONES = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 9: 2, 11: 5, 13: 9}
FIFTHS = {1: 0, 2: 2, 3: 4, 4: -1, 5: 1, 6: 3, 7: -2, 9: 2, 11: -1, 13: 3}  # of each degree, on the line of fifths
SILENT = ("N.C.", "NC", "N.C", "No Chord", "no chord", "n.c.", "nc", "tacet")
LEGAL_CHORDS = (
    "write a root A to G with # or b, a quality and perhaps a bass, as in C, F#m7, Bb7, Dm7b5, Gsus4, C/E, N.C."
)
GERMAN_QUALITIES = {"moll": "m", "dur": ""}
COMMON_SUFFIXES = (
    *(suffix for suffix, _ in QUALITIES.values() if suffix != "N.C."),
    *(
        "6",
        "m6",
        "69",
        "9",
        "m9",
        "maj9",
        "11",
        "13",
        "m(maj7)",
        "7sus4",
        "add9",
        "7b9",
        "7#9",
        "7#5",
        "5",
        "maj",
        "min",
    ),
)

_ROOT = r"([A-G])(bb(?!5|6|9|11|13)|##|b|#)?"
_SYMBOL = re.compile(_ROOT + r"(.*?)(?:\s*(?:/|\bon\s)\s*" + _ROOT + ")?")
_BASE = re.compile(  # a third and fifth, a major seventh, and how high thirds are stacked
    r"\(?(?:(?P<minor>(?i:minor|min|mi)|m(?!a(?!dd|lt))|-)|(?P<dim>(?i:diminished|dim)|o(?!mit)|°|º)"
    r"|(?P<aug>(?i:augmented|aug)|\+)|(?P<half>half-?dim(?:inished)?|hdim|%|ø|Ø|h)|dom(?:inant)?)?"
    r"[ (]*(?:(?P<major>(?i:major|maj|ma)|M|j|#(?=7))|(?P<triangle>Δ|△|∆|\^))?"
    r"[ (]*(?P<number>6/?9|13|11|9|7|6|5|4|2)?"
)
_CHANGE = re.compile(
    r"(?i:sus)(?P<sus>24|42|2|4|9)?|(?i:add)(?P<add>[b#]?(?:13|11|9|7|6|4|2))"
    r"|(?i:no|omit) ?(?P<omit>[35])(?:rd|th)?|(?P<alt>(?i:alt))|(?P<change>(?:[b#+-]|(?<!\d))(?:13|11|9|7|6|5|4|2))"
    r"|(?P<major>(?i:maj)7?|M7?)|(?P<plus>\+)|[(),. /]"
)
_MEANT = re.compile(r"[A-H](?:[#b♯♭]|(?:m|M|[Mm]aj|[Mm]in|dim|aug|sus|add|\d|°|ø|\+|-|/|$)(?![a-z]{3}))")
_SIGNS = str.maketrans(
    {
        "♭": "b",
        "♯": "#",
        "−": "-",
        "–": "-",
        "‐": "-",
        "‑": "-",
        "𝄫": "bb",
        "𝄪": "##",
        "\ue260": "b",
        "\ue262": "#",
        "\ued60": "b",
        "\ued62": "#",
    }
)


class Signature(Protocol):
    """A key, of which the fifths of its signature are needed, -7 to 7."""

    @property
    def fifths(self) -> int: ...


class Chord(NamedTuple):
    """A chord: pitch classes of root and bass, 0 (C) to 11 (B), and a quality of QUALITIES.

    No chord at all is `NO_CHORD`, of quality "none".
    text: the symbol in full where it says more than these, or spells its root otherwise than the key; else "".
    Compare `chord[:3]` where that does not matter.
    """

    root: int
    quality: str
    bass: int
    text: str = ""

    @property
    def pitch_classes(self) -> frozenset[int]:
        """All that the symbol asks for, its bass too; none of N.C."""
        if self.quality == "none":
            return frozenset()
        return frozenset({self.root, self.bass} | {(self.root + semitones(*d)) % 12 for d in self.degrees})

    @property
    def degrees(self) -> Degrees:
        """The degrees above the root with their alterations."""
        return parse_symbol(self.text).degrees if self.text else QUALITIES[self.quality][1]

    @property
    def suffix(self) -> str:
        """What is written after the root, without the bass: "m7b5"."""
        return suffix_of(self.degrees) if self.text else QUALITIES[self.quality][0]

    def places(self, key: Signature | None = None) -> tuple[int, int]:
        """Find root and bass on the line of fifths, C being 0, as the text spells them or in a key."""
        if self.text:
            return parse_symbol(self.text)[:2]
        root = _in_key(self.root, key, self.quality in ("diminished", "diminished7", "half-diminished"))
        tones = {semitones(*degree) % 12: FIFTHS[degree[0]] + 7 * degree[1] for degree in (*self.degrees, (1, 0))}
        above = tones.get((self.bass - self.root) % 12)
        return root, _in_key(self.bass, key) if above is None else _few_signs(root + above)

    def tones(self, key: Signature | None = None) -> dict[int, int]:
        """Find the place on the line of fifths, C being 0, of each pitch class; none of N.C."""
        if self.quality == "none":
            return {}
        root, bass = self.places(key)
        places = [bass, *(root + FIFTHS[degree] + 7 * alter for degree, alter in self.degrees), root]
        return {place * 7 % 12: place for place in places}

    def name(self, key: Signature | None = None) -> str:
        """Write the symbol as it is spelled in a key: "Ebm7/Db"; in C major without one."""
        if self.text:
            return self.text
        return "N.C." if self.quality == "none" else _symbol(*self.places(key), self.suffix)

    def transposed(self, semitones: int, fifths: int | None = None) -> Chord:
        """Transpose the chord. fifths: how far its key moves, where that is known."""
        if self.quality == "none":
            return self
        text = ""
        if self.text:
            shift = (7 * semitones + 5) % 12 - 5 if fifths is None else fifths
            root, bass = (_few_signs(place + shift) for place in self.places())
            text = _symbol(root, bass, self.suffix)
        return Chord((self.root + semitones) % 12, self.quality, (self.bass + semitones) % 12, text)


NO_CHORD = Chord(0, "none", 0)


class Symbol(NamedTuple):
    """A symbol as written: root and bass on the line of fifths, C being 0, and degrees.

    N.C. has no degrees.
    """

    root: int
    bass: int
    degrees: Degrees

    def moved(self, fifths: int) -> Symbol:
        """Move root and bass along the line of fifths, as to a sounding key."""
        return self._replace(root=self.root + fifths, bass=self.bass + fifths)


NO_SYMBOL = Symbol(0, 0, frozenset())


def read_chord(text: str, key: Signature | None = None) -> Chord:
    """Read a chord symbol in any usual spelling: "C", "F#-7b5", "Bb∆", "Gsus/D", "N.C.".

    key: where given, a spelling that differs from the key's is kept as the chord's text.
    Raises ValueError, naming the nearest right symbol, for anything else.
    """
    return chord_of(parse_symbol(text), key)


def chord_of(symbol: Symbol, key: Signature | None = None) -> Chord:
    """Make the chord of a symbol. key: as of `read_chord`."""
    degrees = symbol.degrees
    if not degrees:
        return NO_CHORD
    root, bass = _few_signs(symbol.root), _few_signs(symbol.bass)
    quality = quality_of(degrees)
    plain = Chord(root * 7 % 12, quality, bass * 7 % 12)
    suffix = suffix_of(degrees)
    is_plain = suffix == QUALITIES[quality][0] and (key is None or (root, bass) == plain.places(key))
    return plain if is_plain else plain._replace(text=_symbol(root, bass, suffix))


def quality_of(degrees: Degrees) -> str:
    """Find the quality nearest to a set of degrees: third, fifth and seventh decide."""
    alters = {degree: alter for degree, alter in sorted(degrees) if degree != 5}
    fifths = {alter for degree, alter in degrees if degree == 5}
    seventh = alters.get(7)
    if 3 not in alters:
        return "sus4" if 4 in alters else "sus2" if 2 in alters else "major"
    if alters[3] == -1 and fifths == {-1}:
        return {0: "half-diminished", -1: "diminished7"}.get(seventh if seventh is not None else 9, "diminished")
    if alters[3] == -1:
        return "minor7" if seventh == 0 else "minor"
    if fifths == {1}:
        return "augmented"
    return {0: "dominant", 1: "major7"}.get(seventh if seventh is not None else 9, "major")


def suffix_of(degrees: Degrees) -> str:
    """Write a set of degrees after a root: "", "m7b5", "13b9", "69", "7sus4", "madd9"."""
    for suffix, known in QUALITIES.values():
        if degrees == known:
            return suffix
    if degrees in (ALTERED, {(5, 0)}):
        return "7alt" if degrees == ALTERED else "5"
    has = {degree for degree, _ in degrees}
    rest = set(degrees) - {(5, 0)}

    def takes(*wanted: tuple[int, int]) -> bool:
        is_there = rest.issuperset(wanted)
        rest.difference_update(wanted if is_there else ())
        return is_there

    suspended = "" if 3 in has else "".join(str(degree) for degree in (2, 4) if takes((degree, 0)))
    if takes((3, -1), (5, -1), (7, -1)):
        name = "dim7"
    elif (7, 0) not in rest and takes((3, -1), (5, -1)):
        name = "dim"
    elif 7 not in has and takes((3, 0), (5, 1)):
        name = "aug"
    else:
        name = "m" if takes((3, -1)) else ""
        takes((3, 0))
    is_major = takes((7, 1))
    if is_major or takes((7, 0)):
        size = next((size for size in (13, 11) if 9 in has and takes((size, 0))), 7)
        size = 9 if takes((9, 0)) and size == 7 else size
        number = f"maj{size}" if is_major else str(size)
        name += f"({number})" if is_major and name else number
    elif takes((6, 0)):
        name += "69" if takes((9, 0)) else "6"
    signs = "".join(("b" * -alter or "#" * alter) + str(degree) for degree, alter in sorted(rest) if alter)
    name += f"({signs})" if signs and not name else signs
    name += f"sus{suspended}" if suspended else ""
    name += "".join(f"add{degree}" for degree, alter in sorted(rest) if not alter)
    return name + ("" if 3 in has or suspended else "no3") + ("" if 5 in has else "no5")


def semitones(degree: int, alter: int) -> int:
    """Measure a degree above the root in semitones, 0 to 11."""
    return (SEMITONES[degree] + alter) % 12


@lru_cache(maxsize=4096)
def parse_symbol(text: str) -> Symbol:
    """Read a symbol in any usual spelling. Raises ValueError as `read_chord` does."""
    if text.strip() in SILENT:
        return NO_SYMBOL
    plain = text.strip().translate(_SIGNS)
    plain = plain[1:-1] if plain[:1] == "(" and plain[-1:] == ")" else plain
    match = _SYMBOL.fullmatch(plain)
    degrees = _degrees(match[3].strip()) if match else None
    if match is None or degrees is None:
        raise ValueError(f"no such chord: {text!r}; {_nearest(plain)}{LEGAL_CHORDS}")
    root = place_of(match[1], match[2])
    return Symbol(root, place_of(match[4], match[5]) if match[4] else root, degrees)


def chord_name(symbol: Symbol) -> str:
    """Write a symbol as it is spelled: "Bbm7/Ab"."""
    return _symbol(*symbol[:2], suffix_of(symbol.degrees)) if symbol.degrees else "N.C."


def symbols_of(texts: Sequence[str]) -> tuple[list[Symbol | None], list[str]]:
    """Read the chord symbols of one file, None for each text that is none.

    Returns them, and the texts that seem to be meant as chords and cannot be read.
    Where any root is H, B is a flat one. Of two symbols, "G(Em)" or "G;Em", the first counts; "am7" is a minor chord,
    and a bass may be small, with + for a sharp ("D/f+").
    """
    is_german = any(re.match(r"\(?H(?![a-df-hj-z])", text.strip()) for text in texts)
    found: list[Symbol | None] = []
    unread = []
    for text in texts:
        plain = text.strip().translate(_SIGNS)
        if is_german:
            plain = re.sub(r"(^\(?|/)B(?!b)", r"\1Bb", plain)
            plain = re.sub(r"(^\(?|/)H", r"\1B", plain)
        plain = re.sub(
            r"/([a-g])([#b+-]?)$",
            lambda bass: f"/{bass[1].upper()}{ {'+': '#', '-': 'b'}.get(bass[2], bass[2]) }",
            plain,
        )
        if re.match(r"[a-g][b#]?m(?!a)", plain):
            plain = plain[0].upper() + plain[1:]
        found.append(None)
        for part in (plain, re.split(r"[;\n]|(?<=.)\(", plain)[0]):
            with suppress(ValueError):
                found[-1] = parse_symbol(part)
                break
        if found[-1] is None and _MEANT.match(plain):
            unread.append(text)
    return found, unread


def _degrees(suffix: str) -> Degrees | None:
    """Read what follows a root; None for what is no chord symbol."""
    base = _BASE.match(suffix)
    assert base is not None  # all of it may be missing
    number = int((base["number"] or "0").replace("/", ""))
    height = 7 if not number and (base["half"] or base["triangle"]) else number
    seventh = 1 if base["major"] or base["triangle"] else -1 if base["dim"] else 0
    found = {(3, -1 if base["minor"] or base["dim"] or base["half"] else 0)}
    found.add((5, -1 if base["dim"] or base["half"] else 1 if base["aug"] else 0))
    found |= {7: {(7, seventh)}, 69: {(6, 0), (9, 0)}}.get(height, set())
    if height in (9, 11, 13):
        found |= {(7, seventh), (9, 0)} | ({(height, 0)} - {(9, 0)})
    elif height in (2, 4, 6):
        found.add((height, 0))
    elif height == 5 and base.end() == len(base["number"]):
        found = {(5, 0)}
    at = base.end()
    while at < len(suffix):
        change = _CHANGE.match(suffix, at)
        if change is None:
            return None
        found, at = _changed(found, change, seventh), change.end()
    return frozenset(found)


def _changed(found: set[tuple[int, int]], change: re.Match[str], seventh: int) -> set[tuple[int, int]]:
    """Change degrees by one word: "sus4", "add9", "no3", "b9", "(13)", "alt"."""
    if change[0].startswith("sus"):
        size = change["sus"] or "4"
        new = {"9": {(4, 0), (7, 0), (9, 0)}}.get(size, {(int(digit), 0) for digit in size})
        return {degree for degree in found if degree[0] != 3} | new
    if change["omit"]:
        return {degree for degree in found if degree[0] != int(change["omit"])}
    if change["alt"]:
        return set(ALTERED)
    if change["major"]:
        return {degree for degree in found if degree[0] != 7} | {(7, 1)}
    if change["plus"]:
        return (found - {(5, 0)}) | {(5, 1)}
    word = change["add"] or change["change"]
    if not word:
        return found
    degree, sign = int(word.lstrip("b#+-")), word[0]
    alter = -1 if sign in "b-" else 1 if sign in "#+" else 0
    if degree == 7:
        alter = seventh if sign == "7" else max(alter, 0)
    if alter and degree in (2, 4):
        degree += 7
    return (found if change["add"] else found - {(degree, 0)}) | {(degree, alter)}


def _nearest(text: str) -> str:
    """Ask whether the symbol that is written most like a text is meant; "" where there is none."""
    text = text[:1].upper() + text[1:]
    match = re.match(_ROOT, text)
    if text[:1] == "H":
        suffix = GERMAN_QUALITIES.get(text[1:].strip(), text[1:])
        return f'did you mean "B{suffix}"? ' if _degrees(suffix) is not None else ""
    if match is None or len(text) > 40:
        return ""
    suffix, _, bass = text[match.end() :].partition("/")
    suffix = GERMAN_QUALITIES.get(suffix.strip(), suffix)
    near = [suffix] if _degrees(suffix) is not None else get_close_matches(suffix, COMMON_SUFFIXES, 1, 0.5)
    bass = bass[:1].upper().replace("H", "B") + bass[1:]
    return f'did you mean "{match[0]}{near[0]}{f"/{bass}" if re.fullmatch(_ROOT, bass) else ""}"? ' if near else ""


def _symbol(root: int, bass: int, suffix: str) -> str:
    return name_at(root) + suffix + (f"/{name_at(bass)}" if bass != root else "")


def _in_key(pitch_class: int, key: Signature | None, is_leading: bool = False) -> int:
    """Find the place of a root in a key: Db to F# in C; is_leading: to D#, as C#dim."""
    fifths = key.fifths if key else 0
    lowest = -2 if is_leading else -5
    place = (pitch_class * 7 - fifths - lowest) % 12 + lowest + fifths
    if not is_leading and place < min(fifths - 1, -6):  # no Fb or Cb outside their keys, and no E# or B#
        return place + 12
    return _few_signs(place if is_leading or place <= max(fifths + 5, 10) else place - 12)


def _few_signs(place: int) -> int:
    """Replace a place that needs two sharps or flats."""
    return place if -8 <= place <= 12 else place - 12 if place > 12 else place + 12

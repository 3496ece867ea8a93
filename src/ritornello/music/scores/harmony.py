"""Read and write the chord symbols of MusicXML: `<harmony>` with root, kind, bass and degrees.

Source: MusicXML 4.0, "harmony", "kind" and "degree": degrees that are added count from a dominant chord, those that
are altered from what the kind has.
"""

from __future__ import annotations

import re
from contextlib import suppress
from html import escape
from xml.etree import ElementTree

from ritornello.music.chords import NO_SYMBOL, Degrees, Signature, Symbol, parse_symbol, suffix_of
from ritornello.music.spelling import letter_at, place_of
from ritornello.music.values import Chord

Element = ElementTree.Element

_SUFFIXES = {  # of each kind, as `parse_symbol` reads it
    **{"major": "", "minor": "m", "augmented": "aug", "diminished": "dim", "dominant": "7", "major-seventh": "maj7"},
    **{"minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "7#5", "half-diminished": "m7b5"},
    **{"major-minor": "m(maj7)", "major-sixth": "6", "minor-sixth": "m6", "dominant-ninth": "9"},
    **{"major-ninth": "maj9", "minor-ninth": "m9", "dominant-11th": "11", "major-11th": "maj11", "minor-11th": "m11"},
    **{"dominant-13th": "13", "major-13th": "maj13", "minor-13th": "m13", "suspended-second": "sus2"},
    **{"suspended-fourth": "sus4", "power": "5", "pedal": "5"},
}
KINDS: dict[str, Degrees] = {kind: parse_symbol(f"C{suffix}").degrees for kind, suffix in _SUFFIXES.items()}
"""The degrees of each kind of chord that has a name in MusicXML."""


def read_harmony(harmony: Element) -> Symbol | None:
    """Read a chord symbol as written; None for one of another kind, such as a Roman numeral.

    Its text counts where it says more than its kind, or something else, unless its kind is drawn as a symbol.
    """
    kind = harmony.find("kind")
    text = "" if kind is None else kind.get("text", "").strip()
    name = "" if kind is None else (kind.text or "").strip()
    if name == "none" or text in ("N.C.", "NC"):
        return NO_SYMBOL
    root = _pitch(harmony.find("root"), "root")
    if root is None:
        return None
    degrees = [found for element in harmony.findall("degree") if (found := _degree(element)) is not None]
    stated = _with_degrees(KINDS[name], degrees) if name in KINDS else None
    written = None
    if kind is not None and text and (stated is None or kind.get("use-symbols") != "yes"):
        with suppress(ValueError):
            written = parse_symbol(f"C{text}").degrees
    chosen = stated
    if written and (stated is None or stated < written or (not degrees and not written <= stated)):
        chosen = written
    if chosen is None:
        return None
    bass = _pitch(harmony.find("bass"), "bass")
    if bass is None and (turn := (harmony.findtext("inversion") or "").strip()) in ("1", "2", "3"):
        bass = _turned(root, chosen, int(turn))
    return Symbol(root, root if bass is None else bass, chosen)


def write_harmony(chord: Chord, key: Signature | None) -> str:
    """Write a chord symbol, spelled in a key."""
    if chord.quality == "none":
        nothing = '<root><root-step text="">C</root-step></root><kind text="N.C.">none</kind>'
        return f'<harmony print-frame="no">{nothing}</harmony>'
    root, bass = chord.places(key)
    kind, added = kind_of(chord.degrees)
    text = escape(suffix_of(chord.degrees))
    below = "" if bass == root else f"<bass>{_step(bass, 'bass')}</bass>"
    degrees = "".join(
        f'<degree print-object="no"><degree-value>{degree}</degree-value><degree-alter>{alter}</degree-alter>'
        f"<degree-type>{how}</degree-type></degree>"
        for degree, alter, how in added
    )
    return (
        f'<harmony print-frame="no"><root>{_step(root, "root")}</root><kind text="{text}">{kind}</kind>'
        f"{below}{degrees}</harmony>"
    )


def kind_of(degrees: Degrees) -> tuple[str, list[tuple[int, int, str]]]:
    """Find the kind that says most of a set of degrees, and what is to be changed."""
    kind = min(KINDS, key=lambda name: len(KINDS[name] ^ degrees))
    more, less = sorted(degrees - KINDS[kind]), sorted(KINDS[kind] - degrees)
    changes = []
    for degree, alter in more:
        before = next((found for found in less if found[0] == degree), None)
        if before:
            less.remove(before)
            changes.append((degree, alter - before[1], "alter"))
        else:
            changes.append((degree, alter, "add"))
    return kind, changes + [(degree, 0, "subtract") for degree, _ in less]


def _pitch(element: Element | None, name: str) -> int | None:
    """Read a root or bass as a place on the line of fifths; None where it names none."""
    step = "" if element is None else (element.findtext(f"{name}-step") or "").strip()
    alter = "" if element is None else (element.findtext(f"{name}-alter") or "0").strip()
    if not re.fullmatch("[A-G]", step) or not re.fullmatch(r"[+-]?\d(\.0*)?", alter):
        return None
    return place_of(step) + 7 * int(float(alter))


def _degree(element: Element) -> tuple[int, int, str] | None:
    """Read a degree: number, alteration, and "add", "alter" or "subtract"."""
    value, alter = ((element.findtext(f"degree-{name}") or "0").strip() for name in ("value", "alter"))
    if value not in ("1", "2", "3", "4", "5", "6", "7", "9", "11", "13") or not re.fullmatch(
        r"[+-]?[012](\.0*)?", alter
    ):
        return None
    return int(value), int(float(alter)), (element.findtext("degree-type") or "add").strip()


def _with_degrees(degrees: Degrees, changes: list[tuple[int, int, str]]) -> Degrees:
    found = set(degrees)
    for degree, alter, how in changes:
        there = {each for each in found if each[0] == degree}
        if how == "subtract":
            found -= there
        elif how == "alter" and there:
            found = (found - there) | {(degree, each + alter) for _, each in there}
        else:
            found.add((degree, alter))
    return frozenset(found)


def _turned(root: int, degrees: Degrees, turn: int) -> int:
    """Find the bass of an inversion, on the line of fifths."""
    tones = sorted(degree for degree in degrees if degree[0] in (3, 5, 7))
    if turn > len(tones):
        return root
    degree, alter = tones[turn - 1]
    return root + {3: 4, 5: 1, 7: -2}[degree] + 7 * alter


def _step(place: int, name: str) -> str:
    letter, alter = letter_at(place)
    altered = f"<{name}-alter>{alter}</{name}-alter>" if alter else ""
    return f"<{name}-step>{letter}</{name}-step>{altered}"

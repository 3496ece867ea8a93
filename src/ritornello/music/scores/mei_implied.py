"""Write out what MEI may leave to its reader: copies of elements, and the accidentals of the key signature.

verovio takes neither. The sample encodings of the Music Encoding Initiative have both.
Source: the MEI Guidelines 5.0 (music-encoding.org), chapters 2 (@copyof) and 4 (@accid, @accid.ges).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from ritornello.music.spelling import alterations

Element = ElementTree.Element

MEI = "{http://www.music-encoding.org/ns/mei}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
MOST_COPIED = 200_000  # elements; beyond it copies of copies are damage
PERFORMED = {"s": "s", "f": "f", "n": "n", "x": "ss", "ss": "ss", "ff": "ff"}  # written, and as @accid.ges has it


def write_out_copies(root: Element, copied: Callable[[Element, dict[str, str]], Element]) -> None:
    """Fill empty elements that are stated to be copies, in place.

    copied: makes a copy of an element and takes the new id of each old one. Raises ValueError for too many.
    """
    named = {element.get(XML_ID, ""): element for element in root.iter()}
    count = 0
    for element in [e for e in root.iter() if e.get("copyof") and not len(e)]:
        original = named.get(element.get("copyof", "").removeprefix("#"))
        if original is None or original.tag != element.tag or any(part is element for part in original.iter()):
            continue
        count += sum(1 for _ in original.iter())
        if count > MOST_COPIED:
            raise ValueError(f"its copies come to more than {MOST_COPIED} elements")
        names: dict[str, str] = {}
        copy = copied(original, names)
        for part in copy.iter():
            for attribute in ("startid", "endid"):
                old = part.get(attribute, "").removeprefix("#")
                if old in names:
                    part.set(attribute, f"#{names[old]}")
        element.attrib.pop("copyof")
        for attribute, value in copy.attrib.items():
            element.attrib.setdefault(attribute, value)
        element[:] = list(copy)


def write_out_key(root: Element) -> None:
    """Give notes the accidentals of their key and bar, where the file leaves them to its reader.

    It does so where no note states how it sounds (@accid.ges), and more notes would follow from key and bar than
    have a sign that says the same: else every note that is altered has its sign.
    """
    if any(element.get("accid.ges") for element in root.iter()):
        return
    implied: list[tuple[Element, str]] = []
    redundant = 0
    tied = {element.get("endid", "").removeprefix("#") for element in root.iter(f"{MEI}tie")}
    for score in root.iter(f"{MEI}score"):
        common, staves, number = "", dict[str, str](), ""
        in_bar: dict[tuple[str, str, str], str] = {}
        last: dict[tuple[str, str, str], str] = {}
        for element in score.iter():
            kind = element.tag.removeprefix(MEI)
            if kind == "scoreDef":
                common, number = _signature(element) or common, ""
                staves = {} if _signature(element) else staves
            elif kind == "staffDef":
                staves |= {element.get("n", "1"): _signature(element)} if _signature(element) else {}
            elif kind == "measure":
                in_bar, number = {}, ""
            elif kind == "staff":
                number = element.get("n", "1")
            elif kind == "keySig" and number:
                staves[number] = element.get("sig", "")
            elif kind == "note":
                place = number, element.get("pname", ""), element.get("oct", "")
                signed = PERFORMED.get(_written(element), "")
                sounding = in_bar.get(place) or _of_key(place[1], staves.get(number, common))
                if signed:
                    in_bar[place] = signed
                    redundant += signed == sounding
                elif element.get("tie", "")[:1] in ("m", "t") or element.get(XML_ID) in tied:
                    sounding = last.get(place, "")
                if not signed and sounding:
                    implied.append((element, sounding))
                last[place] = signed or sounding
    for note, sounding in implied if len(implied) > redundant else ():
        note.set("accid.ges", sounding)


def _signature(definition: Element) -> str:
    """Read the key signature of a scoreDef or staffDef, "3f"; "" where it states none."""
    sign = definition.find(f"{MEI}keySig")
    return sign.get("sig", "") if sign is not None else definition.get("keysig", definition.get("key.sig", ""))


def _written(note: Element) -> str:
    """Read the accidental that is written at a note, "" for none."""
    sign = note.find(f"{MEI}accid")
    return note.get("accid", "") or ("" if sign is None else sign.get("accid", ""))


def _of_key(letter: str, signature: str) -> str:
    """Find how a key signature alters a letter: "s", "f" or ""."""
    match = re.fullmatch(r"([1-7])([sf])", signature)
    if match is None:
        return ""
    fifths = int(match[1]) if match[2] == "s" else -int(match[1])
    return match[2] if letter.upper() in alterations(fifths) else ""

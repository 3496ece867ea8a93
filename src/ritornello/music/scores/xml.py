"""Read times from MusicXML: place and length of every note, ties, and the order of the bars.

verovio takes a note's length from its type, dots and tuplet bracket, its ties from the drawn arc, and jumps at a
dal segno where it should not; the file's own durations say all this exactly. So verovio reads pitches, staves,
metres and keys, and the times read here, by note id, go before its timemap. Source: MusicXML 4.0 (W3C, 2021).
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from xml.etree import ElementTree

from ritornello.music.errors import decode_text
from ritornello.music.notation import TYPES
from ritornello.music.scores.repeats import BarMarks

Element = ElementTree.Element

MAX_UNZIPPED = 64 * 2**20
VALUES = {name: length for length, name in TYPES.items() if length >= Fraction(1, 32)}  # shorter: as they state


@dataclass(slots=True)
class Sheet:
    """A score as text for verovio, with the file's own times by note id; all empty for kern and MEI.

    times: start in the bar and duration of each note, in exact quarters. lengths: of each bar, in quarters.
    tied_on, tied_back: notes with a tie to the next and from the one before. marks: the repeat signs of each bar.
    """

    text: str
    times: dict[str, tuple[Fraction, Fraction]] = field(default_factory=dict)
    lengths: list[Fraction] = field(default_factory=list)
    tied_on: set[str] = field(default_factory=set)
    tied_back: set[str] = field(default_factory=set)
    marks: list[BarMarks] = field(default_factory=list)


def musicxml_sheet(content: bytes) -> Sheet:
    """Read the sheet of an uncompressed MusicXML file.

    Raises ValueError where the XML is broken, declares entities, or is not a score.
    """
    root = parse_xml(content)
    if root.tag == "score-timewise":
        _turn_partwise(root)
    if root.tag != "score-partwise" or root.find("part") is None:
        raise ValueError(f"no score with parts in this MusicXML file (its root is <{root.tag[:40]}>)")
    sheet = Sheet("")
    for number, part in enumerate(root.findall("part"), 1):
        _prepare_part(sheet, part, number)
    sheet.marks = _marks(root)
    sheet.text = ElementTree.tostring(root, encoding="unicode")
    return sheet


def unzipped_score(content: bytes) -> bytes:
    """Unpack the score of an .mxl file: the root file of its container, else the only XML file.

    Raises ValueError where the archive is damaged, holds no score, or grows beyond 64 MB.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            name = _root_file(archive)
            if archive.getinfo(name).file_size > MAX_UNZIPPED:
                raise ValueError(f"the score in this archive unpacks to more than {MAX_UNZIPPED // 2**20} MB")
            with archive.open(name) as file:
                return file.read(MAX_UNZIPPED)
    except (ValueError, MemoryError):
        raise
    except Exception:  # zipfile and its unpackers have a dozen ways to say it
        raise ValueError("damaged archive: fetch or export the .mxl file again") from None


def parse_xml(content: bytes) -> Element:
    """Parse an XML document.

    Raises ValueError for broken XML and for a document that declares entities.
    """
    text = xml_text(content)
    if "<!ENTITY" in text:
        raise ValueError("this XML file declares entities, which no score needs: export it again without them")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"broken or cut short XML ({error}): fetch or export the file again") from None


def xml_text(content: bytes) -> str:
    """Decode an XML document by the encoding in its declaration, which is dropped."""
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w.-]+)", content)
    try:
        text = content.decode(declared[1].decode("ascii")) if declared else decode_text(content)
    except (LookupError, UnicodeDecodeError):
        text = decode_text(content)
    return re.sub(r"^\s*<\?xml.*?\?>", "", text.removeprefix("\ufeff"), count=1, flags=re.DOTALL).strip()


def _root_file(archive: zipfile.ZipFile) -> str:
    """Find the score in an .mxl archive; names that the container misspells are forgiven."""
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith(("META-INF/", "__MACOSX/"))]
    scores = [n for n in names if n.lower().endswith((".xml", ".musicxml"))]
    if "META-INF/container.xml" in archive.namelist():
        if archive.getinfo("META-INF/container.xml").file_size > 2**20:
            raise ValueError("the container of this .mxl file is larger than 1 MB")
        container = parse_xml(archive.read("META-INF/container.xml"))
        for element in container.iter():
            path = element.get("full-path", "")
            if element.tag.endswith("rootfile") and path in names and element.get("media-type", "").find("pdf") < 0:
                return path
    if not scores:
        raise ValueError("no score in this .mxl archive")
    return scores[0]


def _turn_partwise(root: Element) -> None:
    """Turn measures of parts into parts of measures."""
    parts: dict[str, Element] = {}
    for measure in root.findall("measure"):
        root.remove(measure)
        for part in measure.findall("part"):
            name = part.get("id", "")
            parts.setdefault(name, ElementTree.Element("part", id=name))
            bar = ElementTree.SubElement(parts[name], "measure", measure.attrib)
            bar.extend(list(part))
    root.extend(parts.values())
    root.tag = "score-partwise"


def _prepare_part(sheet: Sheet, part: Element, part_number: int) -> None:
    divisions = Fraction(1)
    for bar_number, measure in enumerate(part.findall("measure")):
        now = latest = onset = Fraction(0)
        for element in list(measure):
            if element.tag == "attributes":
                text = element.findtext("divisions")
                divisions = divisions if text is None else _number(text, "divisions")
                if divisions <= 0:
                    raise ValueError(f"divisions must be more than 0, not {text}")
                for style in element.findall("measure-style"):
                    element.remove(style)  # verovio would merge the bars of a multiple rest into one
            if element.tag not in ("note", "backup", "forward"):
                continue
            duration = _duration(element, divisions)
            if element.tag == "note":
                onset = onset if element.find("chord") is not None else now
                _name_note(sheet, element, f"p{part_number}b{bar_number}n{len(sheet.times)}", onset, duration)
                now = max(now, onset + duration)
            else:
                now = max(Fraction(0), now - duration if element.tag == "backup" else now + duration)
            latest = max(latest, now)
        if bar_number == len(sheet.lengths):
            sheet.lengths.append(latest)
        sheet.lengths[bar_number] = max(sheet.lengths[bar_number], latest)


def _duration(element: Element, divisions: Fraction) -> Fraction:
    """Read the quarters of a note, backup or forward; tuplets exactly, not as rounded."""
    stated = _number(element.findtext("duration") or "0", "duration") / divisions
    value, change = VALUES.get(element.findtext("type", "")), element.find("time-modification")
    if value is None or change is None:
        return stated
    dots = len(element.findall("dot"))
    actual = _number(change.findtext("actual-notes") or "1", "actual-notes")
    normal = _number(change.findtext("normal-notes") or "1", "normal-notes")
    written = value * (2 - Fraction(1, 2**dots)) * normal / actual if actual > 0 else stated
    return written if abs(written - stated) < min(1 / divisions, Fraction(1, 24)) else stated


def _number(text: str, name: str) -> Fraction:
    """Read a decimal number. Raises ValueError naming its element."""
    if not re.fullmatch(r"\s*[+-]?\d{1,9}(\.\d{0,9})?\s*", text):
        raise ValueError(f"<{name}> must be a number, not {text[:20]!r}")
    return Fraction(text.strip())


def _name_note(sheet: Sheet, note: Element, name: str, onset: Fraction, duration: Fraction) -> None:
    """Give a note an id for verovio, and keep its time and ties."""
    note.set("id", name)
    sheet.times[name] = (onset, duration)
    kinds = {t.get("type") for t in [*note.findall("tie"), *note.findall("notations/tied")]}
    if "start" in kinds:
        sheet.tied_on.add(name)
    if "stop" in kinds:
        sheet.tied_back.add(name)


def _marks(root: Element) -> list[BarMarks]:
    """Collect the marks of every bar from all parts."""
    parts = root.findall("part")
    marks = [BarMarks() for _ in range(max(len(p.findall("measure")) for p in parts))]
    for part in parts:
        endings: frozenset[int] = frozenset()
        for mark, measure in zip(marks, part.findall("measure"), strict=False):
            endings = _read_barlines(mark, measure, endings)
            _read_signs(mark, measure)
    codas = [m for m in marks if m.coda]
    if len(codas) > 1 and not any(m.to_coda for m in marks):
        codas[0].to_coda, codas[0].coda = True, False  # the same sign is drawn where the jump starts
    return marks


def _read_barlines(mark: BarMarks, measure: Element, endings: frozenset[int]) -> frozenset[int]:
    """Read repeats and endings at a measure's barlines; returns the endings still open after it."""
    closed = False
    for barline in measure.findall("barline"):
        ending = barline.find("ending")
        if ending is not None and ending.get("type") == "start":
            endings = frozenset(int(n) for n in re.findall(r"\d{1,2}", ending.get("number", "1")))
        closed = closed or (ending is not None and ending.get("type") in ("stop", "discontinue"))
        repeat = barline.find("repeat")
        if repeat is not None and repeat.get("direction") == "forward":
            mark.repeat_start = True
        elif repeat is not None:
            times = repeat.get("times", "2")
            mark.repeat_end = int(times) if re.fullmatch(r"\d{1,2}", times) else 2
    mark.endings = mark.endings | endings
    return frozenset() if closed else endings


def _read_signs(mark: BarMarks, measure: Element) -> None:
    """Read segno, coda, fine and jumps, from sound attributes, drawn signs or words."""
    for sound in measure.iter("sound"):
        mark.segno = mark.segno or sound.get("segno") is not None
        mark.coda = mark.coda or sound.get("coda") is not None
        mark.to_coda = mark.to_coda or sound.get("tocoda") is not None
        mark.fine = mark.fine or sound.get("fine") is not None
        if sound.get("dalsegno") is not None:
            mark.jump = "segno"
        elif sound.get("dacapo") is not None:
            mark.jump = "capo"
    for kind in measure.findall("direction/direction-type"):
        mark.segno = mark.segno or kind.find("segno") is not None
        mark.coda = mark.coda or kind.find("coda") is not None
    words = " ".join(w.text or "" for w in measure.findall("direction/direction-type/words")).lower()
    mark.to_coda = mark.to_coda or bool(re.search(r"\bto coda\b", words))
    if mark.to_coda:
        mark.coda = False
    mark.fine = mark.fine or bool(re.fullmatch(r"\s*fine\.?\s*", words))
    if not mark.jump and re.search(r"\bd\. ?s\.|dal segno", words):
        mark.jump = "segno"
    elif not mark.jump and re.search(r"\bd\. ?c\.|da capo", words):
        mark.jump = "capo"

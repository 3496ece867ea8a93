"""Prepare MEI for verovio, and find the playing order of its bars; of kern too, which verovio turns into MEI.

verovio draws the signs that repeat a beat or bars without their notes, and reads neither dots that are elements nor
octave lines nor bars of space; they are written out here.
Source: the MEI Guidelines 5.0 (music-encoding.org), chapter 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction
from itertools import chain
from xml.etree import ElementTree

from ritornello.music.abc.jumps import Jump, jump_of_words, until_of_words
from ritornello.music.scores.mei_implied import write_out_copies, write_out_key
from ritornello.music.scores.repeats import MAX_BARS, BarMarks, played_order

Element = ElementTree.Element
LayerName = tuple[str, str]  # numbers of staff and layer
Layers = dict[LayerName, tuple[Element, Element]]  # of one measure: the layer and the measure

MEI = "{http://www.music-encoding.org/ns/mei}"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
NOTE, CHORD, TUPLET, LAYER = f"{MEI}note", f"{MEI}chord", f"{MEI}tuplet", f"{MEI}layer"
MEASURE, ENDING, EXPANSION, CHOICE = f"{MEI}measure", f"{MEI}ending", f"{MEI}expansion", f"{MEI}choice"
PREFERRED = (f"{MEI}corr", f"{MEI}reg")  # of an editor's readings
BEAT_REPEAT, HALF_REPEAT = f"{MEI}beatRpt", f"{MEI}halfmRpt"
TIMED = {NOTE, CHORD, f"{MEI}rest", f"{MEI}space"}
BARS_REPEATED = {f"{MEI}mRpt": 1, f"{MEI}mRpt2": 2, f"{MEI}multiRpt": 2}  # by a sign that says no number
MOST_BARS_REPEATED = 64
JUMPS: dict[str, Jump] = {"coda": "coda", "segno": "sign", "dalSegno": "segno", "daCapo": "capo", "fine": "fine"}


def prepare_mei(root: Element) -> None:
    """Write out, in place, what verovio passes over, such as repeated beats, bars and dots."""
    _choose_readings(root)
    _name_elements(root)
    write_out_copies(root, _renamed)
    write_out_key(root)
    _write_out_defaults(root)
    for element in root.iter():
        dots = element.findall(f"{MEI}dot") if element.tag in TIMED else []
        if dots and element.get("dots") is None:
            element.set("dots", str(len(dots)))
        if element.tag == f"{MEI}mSpace":
            element.tag = f"{MEI}mRest"  # a bar of space alone would last no time
    for score in root.iter(f"{MEI}score"):
        for section in list(chain(score.iter(f"{MEI}section"), score.iter(ENDING))):
            _wrap_staff_changes(section)
            _add_repeated_measures(section)
        _write_out_repeats(score)
        _write_out_octave_lines(score)
    _name_elements(root)  # the copies too


def _choose_readings(root: Element) -> None:
    """Keep the corrected or regular reading of two, and nothing that an editor deleted.

    verovio takes the first, and sounds what was deleted.
    """
    for parent in list(root.iter()):
        given = {child.tag for child in parent} & set(PREFERRED) if parent.tag == CHOICE else set()
        kept = min(given, key=PREFERRED.index, default=None)
        for child in list(parent):
            is_deleted = child.tag == f"{MEI}del" and parent.tag != f"{MEI}restore"
            if is_deleted or (kept and child.tag != kept):
                parent.remove(child)


def _name_elements(root: Element) -> None:
    """Give every element an id of its own: verovio's would meet again at the next loading."""
    seen: set[str] = set()
    for number, element in enumerate(root.iter()):
        name = element.get(XML_ID)
        if name is None or name in seen:
            name = f"e{number}-{len(seen)}"
            element.set(XML_ID, name)
        seen.add(name)


def _write_out_defaults(root: Element) -> None:
    """Give notes the duration and octave that their staff or score states once for all."""
    scores: dict[str, str] = {}
    staves: dict[str, dict[str, str]] = {}
    number = ""
    for element in root.iter():
        if element.tag in (f"{MEI}scoreDef", f"{MEI}staffDef"):
            holds = scores if element.tag == f"{MEI}scoreDef" else staves.setdefault(element.get("n", "1"), {})
            given = {
                name: element.get(f"{default}.default", "") for name, default in (("dur", "dur"), ("oct", "octave"))
            }
            holds |= {name: value for name, value in given.items() if value}
        elif element.tag == f"{MEI}staff":
            number = element.get("n", "1")
        elif element.tag in TIMED:
            default = scores | staves.get(number, {})
            notes = list(element.iter(NOTE))
            if "dur" in default and not any(e.get("dur") for e in (element, *notes)):
                element.set("dur", default["dur"])
            for note in notes if "oct" in default else ():
                note.set("oct", note.get("oct") or default["oct"])


def _wrap_staff_changes(section: Element) -> None:
    """Put a staffDef that stands between measures into a scoreDef, where verovio finds it."""
    for place, child in enumerate(list(section)):
        if child.tag == f"{MEI}staffDef":
            section[place] = Element(f"{MEI}scoreDef")
            ElementTree.SubElement(section[place], f"{MEI}staffGrp").append(child)


def _add_repeated_measures(section: Element) -> None:
    """Add the measures of a sign that repeats several, unless empty ones follow for it."""
    measures = [child for child in section if child.tag == MEASURE]
    before = 1
    for place, measure in enumerate(measures):
        count = max((_bars_repeated(e) for e in measure.iter() if e.tag in BARS_REPEATED), default=1)
        left_empty = [m for m in measures[place + 1 : place + count] if not _sounds(m)]
        if before == 1:  # else the second sign of a pair
            for _ in range(count - 1 - len(left_empty)):
                copy = _renamed(measure, {})
                copy[:] = copy.findall(f"{MEI}staff")
                copy.attrib.pop("left", None)
                measure.attrib.pop("right", None)
                section.insert(list(section).index(measure) + 1, copy)
        before = count


def _bars_repeated(sign: Element) -> int:
    number = sign.get("num", "") if sign.tag == f"{MEI}multiRpt" else ""
    return min(int(number), MOST_BARS_REPEATED) if number.isdecimal() else BARS_REPEATED[sign.tag]


def _sounds(element: Element) -> bool:
    return any(child.tag in (NOTE, CHORD) for child in element.iter())


def _write_out_repeats(score: Element) -> None:
    """Replace the signs that repeat beats or bars by what they repeat."""
    before: list[Layers] = []
    repeating: dict[LayerName, tuple[int, int]] = {}  # bars that a sign repeats, and how many of them are to come
    metre = 4, 4
    for element in list(score.iter()):
        metre = _metre(element) or metre
        if element.tag != MEASURE:
            continue
        layers: Layers = {
            (staff.get("n", "1"), layer.get("n", str(number))): (layer, element)
            for staff in element.iter(f"{MEI}staff")
            for number, layer in enumerate(staff.findall(LAYER), 1)
        }
        for name, (layer, _) in layers.items():
            sign = next((child for child in layer.iter() if child.tag in BARS_REPEATED), None)
            count, to_come = repeating.get(name, (0, 0)) if sign is None else (_bars_repeated(sign),) * 2
            to_come = 0 if _sounds(layer) else to_come
            repeating[name] = count, to_come - 1
            if to_come > 0 and 0 < count <= len(before) and name in before[-count]:
                _copy_bar(before[-count][name], layer, element)
            _write_out_beats(layer, before[-1][name][0] if before and name in before[-1] else None, metre)
        before.append(layers)


def _copy_bar(source: tuple[Element, Element], layer: Element, measure: Element) -> None:
    """Fill a layer with a copy of another, and its measure with the ties inside that."""
    names: dict[str, str] = {}
    layer[:] = [_renamed(child, names) for child in source[0]]
    for tie in source[1].findall(f"{MEI}tie"):
        start, end = (tie.get(side, "").lstrip("#") for side in ("startid", "endid"))
        if start in names and end in names:
            measure.append(Element(f"{MEI}tie", startid=f"#{names[start]}", endid=f"#{names[end]}"))


def _renamed(element: Element, names: dict[str, str]) -> Element:
    """Copy an element without its words; `names` takes the new id of each old one."""
    copy = deepcopy(element)
    for part in copy.iter():
        for words in part.findall(f"{MEI}verse"):
            part.remove(words)
        old = part.get(XML_ID)
        if old is not None:
            names[old] = f"{old}-{id(copy):x}"
            part.set(XML_ID, names[old])
    return copy


def _write_out_beats(layer: Element, before: Element | None, metre: tuple[int, int]) -> None:
    """Replace the signs that repeat a beat or half a bar by copies of the events before them.

    before: the layer of the bar before.
    """
    unit = Fraction(4, metre[1])
    compound = metre[0] % 3 == 0 and metre[0] > 3 and metre[1] >= 8
    for sign in [e for e in layer.iter() if e.tag in (BEAT_REPEAT, HALF_REPEAT)]:
        wanted = unit * (3 if compound else 1)
        if sign.tag == HALF_REPEAT:
            wanted = unit * metre[0] / 2
        elif sign.get("beatdef", "").isdecimal():
            wanted = unit * int(sign.get("beatdef", "1"))
        events = [*(_events(before) if before is not None else ()), *_events(layer)]
        repeated: list[Element] = []
        for event in reversed(events[: events.index(sign)]):
            if wanted <= 0:
                break
            repeated.insert(0, event)
            wanted -= _length(event)
        parent = next(e for e in layer.iter() if sign in list(e))
        place = list(parent).index(sign)
        parent[place : place + 1] = [_renamed(event, {}) for event in repeated]


def _events(element: Element) -> Iterator[Element]:
    """List the events of a layer, a tuplet being one; grace notes are none."""
    for child in element:
        if child.tag in (*TIMED, TUPLET, BEAT_REPEAT, HALF_REPEAT):
            if child.get("grace") is None:
                yield child
        elif child.tag != f"{MEI}graceGrp":
            yield from _events(child)


def _length(event: Element) -> Fraction:
    """Compute the quarters of an event; 0 where they are not given."""
    if event.tag == TUPLET:
        return _ratio(event) * sum(map(_length, _events(event)), Fraction(0))
    carrier = event if event.get("dur") else next((note for note in event if note.get("dur")), event)
    value = {"breve": Fraction(8), "long": Fraction(16)}.get(carrier.get("dur", ""), Fraction(0))
    if carrier.get("dur", "").isdecimal():
        value = Fraction(4, int(carrier.get("dur", "4")) or 4)
    return value * (2 - Fraction(1, 2 ** _whole(carrier.get("dots"), 0)))


def _ratio(tuplet: Element) -> Fraction:
    return Fraction(_whole(tuplet.get("numbase"), 2), _whole(tuplet.get("num"), 3) or 3)


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,4}", text) else otherwise


def _metre(element: Element) -> tuple[int, int] | None:
    """Read a metre from a meterSig, scoreDef or staffDef; None where there is none in numbers."""
    prefix = "" if element.tag == f"{MEI}meterSig" else "meter."
    if element.tag not in (f"{MEI}meterSig", f"{MEI}scoreDef", f"{MEI}staffDef"):
        return None
    if element.get(f"{prefix}sym") in ("common", "cut") and element.get(f"{prefix}count") is None:
        return (4, 4) if element.get(f"{prefix}sym") == "common" else (2, 2)
    count = sum(int(n) for n in re.findall(r"\d{1,3}", element.get(f"{prefix}count", "")))
    unit = _whole(element.get(f"{prefix}unit"), 0)
    return (count, unit) if count and unit else None


def _write_out_octave_lines(score: Element) -> None:
    """Give the notes under an octave line their sounding octave, where they have none.

    Lines go from note to note, or from beat to beat.
    """
    placed: list[tuple[Element, str, tuple[int, Fraction]]] = []  # note, staff, (measure, onset)
    lines: list[tuple[Element, int, int]] = []  # octave line, measure, unit of the metre
    metre, bar = (4, 4), -1
    for element in score.iter():
        metre = _metre(element) or metre
        if element.tag == MEASURE:
            bar += 1
            lines += [(line, bar, metre[1]) for line in element.iter(f"{MEI}octave")]
            for staff in element.iter(f"{MEI}staff"):
                for layer in staff.findall(LAYER):
                    onsets: list[tuple[Element, Fraction]] = []
                    _place_notes(layer, Fraction(0), Fraction(1), onsets)
                    placed += [(note, staff.get("n", "1"), (bar, onset)) for note, onset in onsets]
    by_name = {note.get(XML_ID): (staff, at) for note, staff, at in placed}
    for line, bar, unit in lines:
        start = by_name.get(line.get("startid", "").lstrip("#"))
        number, begin = start or (line.get("staff", "1"), _timestamp(line.get("tstamp"), bar, unit))
        end = by_name.get(line.get("endid", "").lstrip("#"), ("", _timestamp(line.get("tstamp2"), bar, unit)))[1]
        octaves = {"8": 1, "15": 2, "22": 3}.get(line.get("dis", "8"), 0)
        octaves = -octaves if line.get("dis.place") == "below" else octaves
        for note, own_staff, at in placed:
            if begin is None or end is None:
                break
            if own_staff == number and begin <= at <= end and note.get("oct.ges") is None:
                note.set("oct.ges", str(_whole(note.get("oct"), 4) + octaves))


def _place_notes(parent: Element, at: Fraction, scale: Fraction, onsets: list[tuple[Element, Fraction]]) -> Fraction:
    """Add the notes inside `parent` with their onsets in quarters; returns the end of the last."""
    for child in parent:
        if child.tag in TIMED and child.get("grace") is None:
            onsets += [(note, at) for note in child.iter(NOTE)]
            at += scale * _length(child)
        elif child.tag not in (*TIMED, f"{MEI}graceGrp"):
            at = _place_notes(child, at, scale * _ratio(child) if child.tag == TUPLET else scale, onsets)
    return at


def _timestamp(text: str | None, bar: int, unit: int) -> tuple[int, Fraction] | None:
    """Read "2.5" or "1m+2.5" as measure and onset in quarters."""
    found = re.fullmatch(r"(?:(\d{1,4})m\s*\+\s*)?(\d{1,3}(?:\.\d{1,6})?)", text or "")
    return (bar + int(found[1] or 0), (Fraction(found[2]) - 1) * 4 / unit) if found else None


def mei_order(mei: Element) -> list[int]:
    """List the indices of the bars in playing order: by expansion, else by signs.

    Of several expansions in one place the first counts that is not for playing without repeats ("norep").
    Raises ValueError where that comes to more than 50000 bars, or an expansion contains itself.
    """
    scores = list(mei.iter(f"{MEI}score"))
    elements = list(chain.from_iterable(score.iter() for score in scores))
    if not any(_expansion(element) for element in elements):
        return played_order(_bar_marks(scores))
    index = {measure: i for i, measure in enumerate(e for e in elements if e.tag == MEASURE)}
    named = {e.get(XML_ID, ""): e for e in elements}
    order: list[int] = []
    for measure in chain.from_iterable(_expanded(score, named, 0) for score in scores):
        order.append(index[measure])
        if len(order) > MAX_BARS:
            raise ValueError(f"the repeats come to more than {MAX_BARS} bars")
    return order


def _expansion(parent: Element) -> list[str]:
    """Find the ids in the order of play of an expansion in `parent`; none for a single one."""
    for child in parent:
        for found in child.iter(EXPANSION) if child.tag in (EXPANSION, CHOICE) else ():
            names = found.get("plist", "").replace("#", "").split()
            if len(names) > 1 and found.get("type") != "norep":
                return names
    return []


def _expanded(element: Element, named: dict[str, Element], depth: int) -> Iterator[Element]:
    """List the measures of an element in playing order."""
    if depth > 100:
        raise ValueError("an expansion of this score contains itself")
    if element.tag == MEASURE:
        yield element
        return
    own = element.get("plist", "").replace("#", "").split() if element.tag == EXPANSION else []
    names = own or _expansion(element)
    for part in [named[n] for n in names if n in named] if names else element:
        if names or part.tag not in (EXPANSION, CHOICE):
            yield from _expanded(part, named, depth + 1)


def _bar_marks(scores: list[Element]) -> list[BarMarks]:
    """Collect the repeat signs, endings and jumps of every bar."""
    marks: list[BarMarks] = []
    numbers: frozenset[int] = frozenset()
    last: Element | None = None  # the ending of the bar before
    side: str | None = None  # the right barline of the bar before
    for measure, ending in chain.from_iterable(_measures(score, None) for score in scores):
        follows = ending is not None and last is not None and ending is not last
        if ending is not last:
            numbers = _ending_numbers(ending, max(numbers, default=0) if follows else 0)
        if marks and (measure.get("left") in ("rptend", "rptboth") or (follows and not marks[-1].repeat_end)):
            marks[-1].repeat_end = 2  # an ending that another follows goes back, with or without a sign
        starts = {side, measure.get("left")} & {"rptstart", "rptboth"}
        mark = BarMarks(bool(starts), endings=numbers, opens=side == "end")
        side = measure.get("right")
        mark.repeat_end = 2 if side in ("rptend", "rptboth") else 0
        last = ending
        _read_jumps(mark, measure)
        marks.append(mark)
    codas = [mark for mark in marks if mark.coda]
    if len(codas) > 1 and not any(mark.to_coda for mark in marks):
        codas[0].to_coda, codas[0].coda = "coda", ""  # the same sign stands where the jump starts
    return marks


def _measures(element: Element, ending: Element | None) -> Iterator[tuple[Element, Element | None]]:
    """List the measures inside an element, each with the ending that it belongs to."""
    for child in element:
        if child.tag == MEASURE:
            yield child, ending
        else:
            yield from _measures(child, child if child.tag == ENDING else ending)


def _ending_numbers(ending: Element | None, before: int) -> frozenset[int]:
    """Read the numbers of an ending: "1", "1, 2", "1-3"; without any the next after `before`."""
    if ending is None:
        return frozenset()
    text = ending.get("n") or ending.get("label") or ""
    spans = [(int(a), int(b or a)) for a, b in re.findall(r"(\d{1,2})(?:\s*[-–]\s*(\d{1,2}))?", text)]
    return frozenset(n for a, b in spans for n in range(a, b + 1) if n) or frozenset({before + 1})


def _read_jumps(mark: BarMarks, measure: Element) -> None:
    """Read segno, coda, fine and jumps, from repeat marks or from words."""
    for element in chain(measure.iter(f"{MEI}repeatMark"), measure.iter(f"{MEI}dir")):
        glyphs = (symbol.get("glyph.name", "") for symbol in element.iter(f"{MEI}symbol"))
        text = " ".join([*element.itertext(), *glyphs])
        jump = jump_of_words(text)
        match jump or JUMPS.get(element.get("func", ""), ""):
            case "capo" | "segno" as target:
                mark.jump, mark.until = target, until_of_words(text)
            case "fine":
                mark.fine = True
            case "to coda":
                mark.to_coda = "coda"
            case "coda":
                mark.coda = "coda"
            case "sign":
                mark.segno = "segno"

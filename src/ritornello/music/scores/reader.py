"""Read scores: MusicXML by itself, kern and MEI through verovio, whose timemap gives exact times and barlines.

Of kern and MEI the notes are taken in written order from the timemap and from verovio's own MEI (staves, metres,
keys, ties); the bars are then joined in playing order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from xml.etree import ElementTree
from zlib import crc32

from ritornello.music.beats import joined_metre
from ritornello.music.chords import Symbol, symbols_of
from ritornello.music.containers import unpacked
from ritornello.music.errors import Remark, decode_text, unplayed_bars, unread_chords
from ritornello.music.keys import key_on, mode_named
from ritornello.music.quarters import KeyName
from ritornello.music.scores.bars import Measure, Placed, carry_chords, join_measures
from ritornello.music.scores.kern import KernSigns, kern_signs, prepared_kern, states_tempo
from ritornello.music.scores.mei import MEI, XML_ID, mei_order, prepare_mei
from ritornello.music.scores.musicxml import read_musicxml
from ritornello.music.scores.xml import parse_xml
from ritornello.music.spelling import alterations
from ritornello.music.values import Key, MetreName, Piece

Element = ElementTree.Element

ElementTree.register_namespace("", MEI[1:-1])  # verovio wants its elements without a prefix
FINEST = 20_160  # the largest denominator of a quarter looked for: 64 * 9 * 5 * 7
Times = dict[str, tuple[Fraction, Fraction]]  # start in its bar and duration of each note, in quarters


@dataclass(slots=True)
class StaffState:
    """The instrument and key in force on one staff, during the walk through the score."""

    name: str = ""
    program: int = 0
    is_drum: bool = False
    semitones: int = 0  # sounding above written, of a transposing instrument
    key: KeyName | None = None
    syllables: int = 0  # of the first verse


@dataclass(slots=True)
class Walk:
    """The results of a walk through verovio's MEI; `places` holds bar and staff of every note."""

    staves: dict[int, StaffState] = field(default_factory=dict)
    metre: MetreName | None = None
    tempo: float | None = None
    bars: dict[str, Measure] = field(default_factory=dict)
    places: dict[str, tuple[str, int, int, str]] = field(default_factory=dict)  # bar, staff, semitones, voice
    tied_on: set[str] = field(default_factory=set)
    tied_back: set[str] = field(default_factory=set)
    harms: list[tuple[str, Element]] = field(default_factory=list)  # bar, chord symbol


def scan_score(
    content: bytes, suffix: str, source: str = "", repeats: str = "unfold", voices: bool = False
) -> tuple[list[Piece], list[Remark]]:
    """Read a score: .musicxml or .xml, .mxl, .krn or .kern, .mei; with remarks.

    One Part for each staff that has notes, or, with `voices`, for each voice of a staff.
    Pitches are sounding pitches, of transposing instruments too. Tied notes are one note; grace notes, cue notes
    and notes without a pitch are left out. Bars are the score's own: a pick-up, an irregular bar and a metre that
    changes each anchor a new Metre. A key without a mode is called major. An MEI file gives a piece per mdiv.
    repeats: "unfold" plays repeats, endings and jumps; "written" reads each bar once.
    Raises ValueError where the file is broken, holds no notes, or a time in it cannot be made exact.
    """
    if suffix in (".krn", ".kern"):
        text, unplayed = prepared_kern(decode_text(content), repeats)
        piece, remarks = _piece(text, "humdrum", source, repeats, voices=voices)
        found = [(piece, remarks + unplayed_bars(unplayed))]
    elif suffix == ".mei":
        found = _read_mei(content, source, repeats, voices)
    else:
        contents = (
            unpacked(content, (".musicxml", ".xml"), ("score-partwise", "score-timewise"))
            if suffix == ".mxl"
            else [content]
        )
        names = [source if len(contents) == 1 else f"{source}#{n}" for n in range(1, len(contents) + 1)]
        found = [read_musicxml(c, name, repeats, voices) for c, name in zip(contents, names, strict=True)]
    return [piece for piece, _ in found], [remark for _, remarks in found for remark in remarks]


def _read_mei(content: bytes, source: str, repeats: str, voices: bool) -> list[tuple[Piece, list[Remark]]]:
    root = parse_xml(content)
    for element in root.iter() if root.tag == "mei" else ():
        element.tag = f"{MEI}{element.tag}"  # written without its namespace
    scores = [m for m in root.iter(f"{MEI}mdiv") if m.find(f"{MEI}score") is not None]
    if not scores:
        raise ValueError("no <mdiv> with a <score> in this MEI file")
    prepare_mei(root)
    if len(scores) == 1:
        return [_piece(ElementTree.tostring(root, encoding="unicode"), "mei", source, repeats, voices=voices)]
    for number, mdiv in enumerate(scores, 1):
        mdiv.set(XML_ID, f"mdiv{number}")
    text = ElementTree.tostring(root, encoding="unicode")
    return [
        _piece(text, "mei", f"{source}#{n}", repeats, f'//mdiv[@xml:id="mdiv{n}"]', voices)
        for n in range(1, len(scores) + 1)
    ]


def _piece(
    text: str, input_from: str, source: str, repeats: str, mdiv: str = "", voices: bool = False
) -> tuple[Piece, list[Remark]]:
    timemap, mei, toolkit = _through_verovio(text, input_from, mdiv)
    walk = _walked(mei)
    if input_from == "humdrum":
        _drop_invented_tempos(list(walk.bars.values()), text)
    times = _times_of_map(walk, timemap)
    _place_notes(walk, times, toolkit)
    unread = _place_chords(walk, times)
    if input_from == "humdrum":
        _take_signs(list(walk.bars.values()), kern_signs(text))
    order = mei_order(mei) if repeats == "unfold" else list(range(len(walk.bars)))
    title, composer = _credits(mei)
    staves = {n: (s.name, s.program, s.is_drum, s.syllables) for n, s in sorted(walk.staves.items())}
    bars = list(walk.bars.values())
    piece = join_measures([bars[i] for i in order], staves, title, composer, source, voices)
    unplayed = {i for i, bar in enumerate(bars) if bar.notes}.difference(order)
    return piece, unplayed_bars(unplayed) + unread_chords(unread)


def _through_verovio(text: str, input_from: str, mdiv: str = ""):
    """Load a score in verovio: its timemap, MEI and toolkit, each bar once.

    Raises ValueError where it is not read.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()  # a new one each time: nothing of the score before may linger
    options = {"inputFrom": input_from, "breaks": "none", "expandNever": True}
    # Names that are new to the file: verovio finds no note whose name is also that of a stem or a dot, and files that
    # it wrote hold names made from seeds such as 1.
    toolkit.resetXmlIdSeed(crc32(text.encode()) % 2**31)
    toolkit.setOptions(options | ({"mdivXPathQuery": mdiv} if mdiv else {}))
    if not toolkit.loadData(text):
        raise ValueError("this score cannot be read: it is damaged or of another format; export it again")
    mei = ElementTree.fromstring(toolkit.getMEI())
    if _drop_ornaments(mei):
        for head in mei.findall(f"{MEI}meiHead"):
            for extra in head.findall(f"{MEI}extMeta"):
                head.remove(extra)  # verovio writes its prefixes without declaring them
        return _through_verovio(ElementTree.tostring(mei, encoding="unicode"), "mei")
    timemap = toolkit.renderToTimemap({"includeMeasures": True, "includeRests": True})
    if not any("measureOn" in event for event in timemap):
        raise ValueError("no bars of music found in this score: export it again")
    return timemap, mei, toolkit


def _drop_ornaments(mei: Element) -> bool:
    """Remove grace notes and arpeggios, for which verovio takes time from the notes that follow."""
    dropped = False
    for parent in list(mei.iter()):
        for child in list(parent):
            if child.tag in (f"{MEI}graceGrp", f"{MEI}arpeg") or child.get("grace") is not None:
                parent.remove(child)
                dropped = True
    return dropped


def _walked(mei: Element) -> Walk:
    """Walk through the MEI in document order and collect its bars and notes."""
    walk = Walk()
    for score in mei.iter(f"{MEI}score"):
        for group in score.iter(f"{MEI}staffGrp"):
            _read_group(walk, group)
        for element in score.iter():
            if element.tag == f"{MEI}scoreDef":
                _read_definition(walk, element, None)
            elif element.tag == f"{MEI}staffDef":
                _read_definition(walk, element, int(element.get("n", "1")))
            elif element.tag == f"{MEI}measure":
                _read_measure(walk, element)
    return walk


def _read_group(walk: Walk, group: Element) -> None:
    """Read names and programs of the staves of a group; the group's hold where a staff has none."""
    for definition in group.iter(f"{MEI}staffDef"):
        staff = walk.staves.setdefault(int(definition.get("n", "1")), StaffState())
        staff.name = _text(definition.find(f"{MEI}label")) or _text(group.find(f"{MEI}label")) or staff.name
        for instrument in (group.find(f"{MEI}instrDef"), definition.find(f"{MEI}instrDef")):
            if instrument is not None:
                staff.program = int(instrument.get("midi.instrnum", "0")) & 0x7F
                staff.is_drum = instrument.get("midi.channel") == "9"


def _read_definition(walk: Walk, element: Element, number: int | None) -> None:
    """Read a scoreDef (number None: all staves) or staffDef: transposition, key, metre, tempo."""
    staves = walk.staves.values() if number is None else [walk.staves.setdefault(number, StaffState())]
    for staff in staves:
        if element.get("trans.semi") is not None:
            staff.semitones = int(element.get("trans.semi", "0"))
        clef = element.find(f"{MEI}clef")
        staff.is_drum = staff.is_drum or (clef is not None and clef.get("shape") == "perc")
    if element.get("keysig", element.get("key.pname")) is not None:
        _set_key(staves, *(element.get(name, "") for name in ("keysig", "key.mode", "key.pname", "key.accid")))
    if element.get("midi.bpm") is not None:
        walk.tempo = float(element.get("midi.bpm", "120"))
    _set_metre(walk, element.get("meter.count"), element.get("meter.unit"), element.get("meter.sym"))
    for child in element.iter():
        if child.tag == f"{MEI}staffDef" and child is not element:
            break  # read by itself
        _read_signature(walk, child, staves)


def _read_signature(walk: Walk, element: Element, staves) -> None:
    if element.tag == f"{MEI}keySig":
        _set_key(staves, *(element.get(name, "") for name in ("sig", "mode", "pname", "accid")))
    elif element.tag == f"{MEI}meterSig":
        _set_metre(walk, element.get("count"), element.get("unit"), element.get("sym"))
    elif element.tag == f"{MEI}meterSigGrp" and element.get("func") == "mixed":
        signs = list(element.iter(f"{MEI}meterSig"))
        counts, units = ("|".join(sign.get(name, "") for sign in signs) for name in ("count", "unit"))
        _set_metre(walk, counts, units, None)
        for sign in signs:
            sign.attrib.clear()  # the sum is read


def _set_key(staves, signature: str, mode: str, tonic: str, accidental: str) -> None:
    """Take over a key by signature ("2s"), mode and tonic, as far as they are given."""
    found = re.fullmatch(r"([0-7])([sf]?)", signature)
    fifths = int(found[1]) * (-1 if found[2] == "f" else 1) if found else None
    stated = mode_named(mode)
    key = None
    if re.fullmatch("[a-g]", tonic):
        alter = accidental.count("s") - accidental.count("f")
        if not accidental and fifths is not None:  # verovio passes over key.accid
            alter = alterations(fifths).get(tonic.upper(), 0)
        key = key_on(tonic, alter, fifths, stated)
    elif fifths is not None:
        key = Key(0, fifths, stated or "major")
    if key is None:
        return
    for staff in staves:
        sounding = (key.fifths + 7 * staff.semitones + 5) % 12 - 5 if staff.semitones % 12 else key.fifths
        staff.key = (sounding, key.mode)


def _set_metre(walk: Walk, count: str | None, unit: str | None, sign: str | None) -> None:
    """Take over a metre: "3+2" states groups; "|" separates terms of a mixed metre."""
    if count is None and sign in ("common", "cut"):
        count, unit = ("4", "4") if sign == "common" else ("2", "2")
    counts = [re.fullmatch(r"\d+(\s*\+\s*\d+)*", term) for term in (count or "").split("|")]
    units = (unit or "").split("|")
    if not all(counts) or not all(unit.isdecimal() and 1 <= int(unit) <= 128 for unit in units):
        return
    terms = [[int(n) for n in term[0].split("+")] for term in counts if term]
    if all(min(term) >= 1 for term in terms):
        metre = joined_metre(list(zip(terms, map(int, units), strict=True)))
        walk.metre = metre if metre[0] <= 255 else walk.metre


def _read_measure(walk: Walk, measure: Element) -> None:
    name = measure.get(XML_ID, "")
    sounding_keys = (s.key for _, s in sorted(walk.staves.items()) if s.key and not s.is_drum)
    bar = Measure(walk.metre, next(sounding_keys, None))
    walk.bars[name] = bar
    if walk.tempo is not None:
        bar.tempos.append((Fraction(0), walk.tempo))
        walk.tempo = None
    for staff in measure.iter(f"{MEI}staff"):
        _read_staff(walk, staff, name)
    for tempo in measure.iter(f"{MEI}tempo"):
        _read_tempo(bar, tempo)
    walk.harms += [(name, harm) for harm in measure.iter(f"{MEI}harm")]
    for tie in measure.iter(f"{MEI}tie"):
        walk.tied_on.add(tie.get("startid", "").lstrip("#"))
        walk.tied_back.add(tie.get("endid", "").lstrip("#"))


def _read_staff(walk: Walk, element: Element, bar: str) -> None:
    number = int(element.get("n", "1"))
    staff = walk.staves.setdefault(number, StaffState())
    chords = {n: c for c in element.iter(f"{MEI}chord") for n in c.iter(f"{MEI}note")}
    layers = {n: layer.get("n", "1") for layer in element.iter(f"{MEI}layer") for n in layer.iter(f"{MEI}note")}
    for note in element.iter(f"{MEI}note"):
        chord = chords.get(note, note)
        attributes = {**chord.attrib, **note.attrib}
        if attributes.get("cue") == "true" or "pname" not in attributes or attributes.get("head.shape") == "slash":
            continue
        name = note.get(XML_ID, "")
        walk.places[name] = (bar, number, staff.semitones, layers.get(note, "1"))
        if attributes.get("tie", "")[:1] in ("i", "m"):
            walk.tied_on.add(name)
        if attributes.get("tie", "")[:1] in ("m", "t"):
            walk.tied_back.add(name)
    staff.syllables += sum(1 for verse in element.iter(f"{MEI}verse") if verse.get("n", "1") == "1")
    for child in element.iter():
        _read_signature(walk, child, [staff])


def _read_tempo(bar: Measure, tempo: Element) -> None:
    """Read a tempo mark with numbers, at its beat; one tied to a note counts from the barline."""
    try:
        if tempo.get("midi.bpm") is not None:
            qpm = float(tempo.get("midi.bpm", ""))
        else:
            dots = int(tempo.get("mm.dots", "0"))
            qpm = float(tempo.get("mm", "")) * 4 / int(tempo.get("mm.unit", "")) * (2 - 0.5**dots)
        beat = Fraction(tempo.get("tstamp", "1")) - 1
    except (ValueError, ZeroDivisionError, OverflowError):
        return  # words alone
    if 1 <= qpm <= 10_000:
        unit = bar.metre[1] if bar.metre else 4
        bar.tempos.append((max(Fraction(0), beat.limit_denominator(FINEST) * 4 / unit), qpm))


def _times_of_map(walk: Walk, timemap: Sequence[dict]) -> Times:
    """Take bar lengths and note times from verovio's timemap."""
    starts = [(_quarters(e["qstamp"]), e["measureOn"]) for e in timemap if "measureOn" in e]
    ends = [q for q, _ in starts[1:]] + [max(_quarters(e["qstamp"]) for e in timemap)]
    bar_starts = {}
    for (start, name), end in zip(starts, ends, strict=True):
        bar_starts[name] = start
        if name in walk.bars:
            walk.bars[name].length = end - start
    times: Times = {}
    begun: dict[str, Fraction] = {}
    for event in timemap:
        now = _quarters(event["qstamp"])
        for name in event.get("off", ()):
            if name in begun and name in walk.places:
                on = begun.pop(name)
                times[name] = (on - bar_starts.get(walk.places[name][0], Fraction(0)), now - on)
        begun.update(dict.fromkeys(event.get("on", ()), now))
    return times


def _take_signs(bars: Sequence[Measure], signs: KernSigns) -> None:
    """Set the additive metres, and the keys inside a piece, that a kern text states.

    Verovio passes over them. Nothing is set where text and bars differ in length.
    """
    starts = list(accumulate((bar.length for bar in bars), initial=Fraction(0)))
    if starts[-1] != signs.length:
        return
    later = [(time, key) for time, key in signs.keys if time > 0]
    for bar, start, end in zip(bars, starts, starts[1:], strict=False):
        stated = next((metre for time, metre in reversed(signs.metres) if time <= start), None)
        bar.metre = stated if stated and stated[2:] else bar.metre
        bar.key = next((key for time, key in reversed(later) if time <= start), bar.key)
        bar.keys = [(time - start, key) for time, key in later if start < time < end]


def _drop_invented_tempos(bars: Sequence[Measure], text: str) -> None:
    """Leave out a first tempo that a kern text does not state."""
    for bar in bars[:1]:
        bar.tempos = [(place, qpm) for place, qpm in bar.tempos if place or states_tempo(text, qpm)]


def _place_notes(walk: Walk, times: Times, toolkit) -> None:
    """Put every note that has a length and a pitch into its bar."""
    for name, (bar, staff, semitones, voice) in walk.places.items():
        start, duration = times.get(name, (Fraction(0), Fraction(0)))
        pitch = toolkit.getMIDIValuesForElement(name).get("pitch", -1) + semitones
        if duration > 0 and 0 <= pitch <= 127:
            tied = (name in walk.tied_on, name in walk.tied_back)
            walk.bars[bar].notes.append(Placed(start, duration, pitch, staff, *tied, voice))


def _place_chords(walk: Walk, times: Times) -> list[str]:
    """Put every chord symbol into its bar, by its beat or its note.

    Returns texts that cannot be read. Symbols are those of the staff that has most; other texts, such as Roman
    numerals, are passed over.
    """
    symbols, unread = symbols_of([_text(harm) for _, harm in walk.harms])
    found: dict[str, list[tuple[str, Fraction, Symbol]]] = {}
    for (name, harm), symbol in zip(walk.harms, symbols, strict=True):
        bar = walk.bars[name]
        place, _ = times.get(harm.get("startid", "").lstrip("#"), (None, None))
        with suppress(ValueError, OverflowError):
            if place is None:
                beat = Fraction(harm.get("tstamp", "1")).limit_denominator(FINEST) - 1
                place = beat * 4 / (bar.metre[1] if bar.metre else 4)
            if symbol is not None and 0 <= place <= bar.length:
                staff = walk.staves.get(int((harm.get("staff") or "1").split()[0]), StaffState())
                sounding = symbol.moved((7 * staff.semitones + 5) % 12 - 5)
                found.setdefault(harm.get("staff", ""), []).append((name, place, sounding))
    for name, place, symbol in max(found.values(), key=len, default=[]):
        walk.bars[name].chords.append((place, symbol))
    carry_chords(list(walk.bars.values()))
    return unread


def _quarters(stamp: float) -> Fraction:
    """Find the exact time of verovio's float. Raises ValueError where no fraction is near."""
    exact = Fraction(stamp).limit_denominator(FINEST)
    if abs(float(exact) - stamp) > 1e-9 * max(1.0, stamp):
        raise ValueError(f"a note is at {stamp} quarters, which is no fraction with a denominator to {FINEST}")
    return exact


def _credits(mei: Element) -> tuple[str, str]:
    """Read title and composer from the MEI header."""
    head = mei.find(f"{MEI}meiHead")
    if head is None:
        return "", ""
    title = next((t for e in head.iter(f"{MEI}title") if (t := _text(e))), "")
    named = [e for e in head.iter(f"{MEI}persName") if e.get("role") == "composer"]
    composer = next((t for e in [*named, *head.iter(f"{MEI}composer")] if (t := _text(e))), "")
    return title, composer


def _text(element: Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""

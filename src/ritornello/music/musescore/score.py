"""Read the bars, instruments and staves of a MuseScore file (formats 2 to 4).

Element names and their meaning: MuseScore's own files, its MusicXML export of them, and for format 4 its sources,
engraving/rw (write/twrite.cpp, read460/measureread.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from ritornello.music.musescore.repeats import Jump, WrittenBar
from ritornello.music.musescore.staff import Staff, measures, stretch_of, to_fraction

PLACEHOLDERS = ("Untitled score", "Composer / arranger")  # of a new score in MuseScore 4


def read_score(root: Element, at_pitch: bool = False) -> tuple[list[WrittenBar], list[Staff], dict[str, str]]:
    """Read bars in written order, staves and tags of the <museScore> element.

    at_pitch: whether the style beside the score shows all instruments at concert pitch. Raises ValueError naming
    staff and bar; in format 4 also where a voice does not fill its bar, as the program itself does.
    """
    score = root.find("Score")
    written = [] if score is None else score.findall("Staff")
    elements = {element.get("id") or str(number): element for number, element in enumerate(written, 1)}
    if score is None or not elements:
        raise ValueError("it holds no staff")
    version, minor = (int(part) if part.isdigit() else 0 for part in f"{root.get('version')}.0".split(".")[:2])
    if version == 4:
        for element in elements.values():
            _settle_signatures(measures(element), minor)
    bars = _bars(list(elements.values()))
    if version == 4:
        _settle_jumps(bars)
    division = int(score.findtext("Division") or 480)
    at_pitch = at_pitch or (score.findtext("Style/concertPitch") or "0").strip() == "1"
    instruments = _instruments(score)
    tie_starts = {start.text for start in score.iter("startElement")} if version == 4 else set()
    staves = []
    for number, (name, element) in enumerate(elements.items(), 1):
        instrument = instruments.get(name, ("", 0, False, None))
        staves.append(Staff(bars, number, division if version == 2 else 0, *instrument, at_pitch))
        staves[-1].read(element, tie_starts)
        if version == 4 and staves[-1].faults:
            raise ValueError(staves[-1].faults[0])
    _extend_endings(bars, [last for staff in staves for last in staff.open_endings])
    tags = {tag.get("name") or "": (tag.text or "").strip() for tag in score.findall("metaTag")}
    tags = {name: text for name, text in tags.items() if text and text not in PLACEHOLDERS}
    return bars, staves, {**_frame_titles(score), **tags}


def _settle_signatures(bars: Sequence[Element], minor: int) -> None:
    """Take away signatures that announce others; move those at the end of a bar to the next.

    minor: of the version; from 4.50 on announcements are marked, before it all signatures behind notes announce.
    """
    for index in range(len(bars) - 1, -1, -1):
        voice = bars[index].find("voice")
        following = bars[index + 1].find("voice") if index + 1 < len(bars) else None
        if voice is None:
            continue
        is_behind = False
        at_end: list[Element] = []
        for element in list(voice):
            if element.tag in ("Chord", "Rest", "MeasureRepeat"):
                is_behind, at_end = True, []
            elif element.tag in ("KeySig", "TimeSig"):
                if (element.findtext("isCourtesy") or "0").strip() == "1":
                    voice.remove(element)
                elif is_behind:
                    at_end.append(element)
        for element in at_end:
            voice.remove(element)
            if minor >= 50 and following is not None and following.find(element.tag) is None:
                following.insert(0, element)


def _settle_jumps(bars: Sequence[WrittenBar]) -> None:
    """Let jumps play to the end where their Fine, coda or continuation is missing.

    MuseScore 4 takes such jumps (engraving/dom/repeatlist.cpp), MuseScore 3 does not.
    """
    labels = {label for bar in bars for label in bar.labels}
    for bar in bars:
        if bar.jump is not None:
            until = bar.jump.until if bar.jump.until in labels else "end"
            bar.jump = bar.jump._replace(until=until, then=bar.jump.then if bar.jump.then in labels else "")


def _frame_titles(score: Element) -> dict[str, str]:
    """Read title and composer from the frame above the music, under the names of the tags."""
    names = {"title": "workTitle", "composer": "composer"}
    found: dict[str, str] = {}
    for text in score.findall("Staff/VBox/Text"):
        style, body = (text.findtext("style") or "").strip().lower(), text.find("text")
        shown = "" if body is None else " ".join("".join(body.itertext()).split())
        if style in names and shown not in PLACEHOLDERS:
            found.setdefault(names[style], shown)
    return found


def _instruments(score: Element) -> dict[str, tuple[str, int, bool, Element | None]]:
    """Read the name, program, is_drum and instrument of each staff id."""
    staves: dict[str, tuple[str, int, bool, Element | None]] = {}
    number = 0
    for part in score.findall("Part"):
        instrument = part.find("Instrument")
        first, number = number + 1, number + len(part.findall("Staff"))
        if instrument is None:
            continue
        long_name = instrument.find(".//longName")
        name = "" if long_name is None else " ".join("".join(long_name.itertext()).split())
        program = instrument.find("Channel/program")
        for at, staff in enumerate(part.findall("Staff"), first):  # later versions of format 4 write no numbers
            staves[staff.get("id") or str(at)] = (
                name or (part.findtext("trackName") or instrument.findtext("trackName") or "").strip(),
                max(0, min(127, int(program.get("value") or 0))) if program is not None else 0,
                _is_drum(instrument),
                instrument,
            )
    return staves


def _is_drum(instrument: Element) -> bool:
    """Tell whether an instrument is percussion: a drum set, or played on the channel of drums."""
    channel = (instrument.findtext("Channel/midiChannel") or "").strip()
    return channel == "9" or (instrument.findtext("useDrumset") or "0").strip() not in ("0", "")


def _bars(staves: Sequence[Element]) -> list[WrittenBar]:
    """Read the bars of the first staff, and markers and jumps of all staves."""
    bars: list[WrittenBar] = []
    metre, start = (4, 4), Fraction(0)
    for element in staves[0]:
        if element.tag == "Measure" and element.find("multiMeasureRest") is None:
            metre = _opening_metre(element) or metre
            length = 4 * to_fraction(element.get("len") or f"{metre[0]}/{metre[1]}")
            if length <= 0:
                raise ValueError(f"bar {len(bars) + 1} has no length")
            bars.append(_bar(element, start, length, metre))
            start += length
        elif bars and element.tag in ("VBox", "HBox", "TBox", "FBox"):
            bars[-1].closes_section |= _breaks_section(element)
    if not bars:
        raise ValueError("it holds no bar")
    for staff in staves[1:]:
        for bar, measure in zip(bars, measures(staff), strict=False):
            bar.labels += tuple(label for label in _labels(measure) if label not in bar.labels)
            bar.jump = bar.jump or next(map(_jump, measure.findall("Jump")), None)
    return bars


def _bar(measure: Element, start: Fraction, length: Fraction, metre: tuple[int, int]) -> WrittenBar:
    times = measure.find("endRepeat")
    return WrittenBar(
        start,
        length,
        metre,
        repeat_start=measure.find("startRepeat") is not None,
        repeat_times=0 if times is None else int(times.text or 2),
        labels=_labels(measure),
        jump=next(map(_jump, measure.findall("Jump")), None),
        closes_section=_breaks_section(measure),
    )


def _extend_endings(bars: list[WrittenBar], last_bars: Iterable[int]) -> None:
    """Extend an open ending to another one, a repeat sign or the end of its section."""
    for last in last_bars:
        for before, bar in zip(bars[last:], bars[last + 1 :], strict=False):
            if bar.passes or bar.repeat_start or before.repeat_times or before.closes_section:
                break
            bar.passes = before.passes


def _labels(measure: Element) -> tuple[str, ...]:
    return tuple((marker.findtext("label") or "").strip() for marker in measure.findall("Marker"))


def _jump(element: Element) -> Jump:
    to, until, then, repeats = (
        (element.findtext(name) or "").strip() for name in ("jumpTo", "playUntil", "continueAt", "playRepeats")
    )
    return Jump(to, until, then, with_repeats=repeats == "1")


def _breaks_section(element: Element) -> bool:
    return any(e.findtext("subtype") == "section" for e in element.findall("LayoutBreak"))


def _opening_metre(measure: Element) -> tuple[int, int] | None:
    """Read the time signature at the head of a bar, without the stretch of a local signature."""
    for element in measure.findall("voice") or [measure]:
        for child in element:
            if child.tag in ("Chord", "Rest", "location", "tick"):
                break
            if child.tag == "TimeSig":
                numerator, denominator = int(child.findtext("sigN") or 0), int(child.findtext("sigD") or 0)
                stretch = stretch_of(child)
                if stretch != 1:
                    exact = Fraction(numerator, denominator) / stretch
                    numerator, denominator = exact.numerator, exact.denominator
                    while denominator < 4:  # 1/1 is written as 4/4
                        numerator, denominator = 2 * numerator, 2 * denominator
                if numerator < 1 or denominator < 1:
                    raise ValueError(f"a time signature of {numerator}/{denominator}")
                return numerator, denominator
    return None

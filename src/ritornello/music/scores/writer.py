"""Write a melody as MusicXML 4.0, partwise, with nothing left for an engraver to guess.

Accidentals and beams are written out as elements, because programs such as verovio draw only those.
Source: W3C Music Notation Community Group, "MusicXML 4.0" (2021).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from html import escape
from itertools import chain
from math import lcm

from ritornello.music.beats import tempo_mark
from ritornello.music.notation import Bar, Element, notate
from ritornello.music.scores.harmony import write_harmony
from ritornello.music.spelling import Spelled
from ritornello.music.values import NO_IMPRINT, Imprint, Key, Melody, Metre, Tempo

_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""


CLEFS = (("G", 2, 0, 34), ("F", 4, 0, 22), ("G", 2, -1, 27), ("G", 2, 1, 41), ("F", 4, -1, 15))
"""Sign, line, by how many octaves it sounds higher, and the middle line as octave * 7 + letter.

Treble, bass, tenor (treble an octave down), treble an octave up, bass an octave down; the first that fits wins.
"""


def write_musicxml(melody: Melody, imprint: Imprint = NO_IMPRINT) -> str:
    """Write `melody` as the text of a MusicXML file.

    Holds title, metres, keys, tempos, chord symbols, pick-up and closing barline; read back, it gives the same
    onsets, durations and pitches, exactly. Velocities are not written. A tempo that changes inside a note is written
    after that note.
    imprint: name and program of its part, and its origin, a miscellaneous field.
    Notes carry identifiers: "note_4" is the fifth note of the melody, "note_4-2" the second of its tied parts.
    """
    return _document(melody.title, imprint, f'<score-part id="P1">{_part(imprint)}</score-part>', [_measures(melody)])


def write_score(lines: Sequence[Melody], names: Sequence[str], is_braced: bool = False) -> str:
    """Write lines that sound together as one MusicXML file, a staff each.

    Barlines go through all staves.
    lines: of one timeline, from the highest staff down; the first has the title. Shorter ones get rests up to the end
    of the longest. names: of the staves. is_braced: whether they are an instrument's, such as a piano's, on a brace.
    Notes carry identifiers: "part_1_note_4" is the fifth note of the second line.
    """
    length = max(line.timeline.barlines()[-1] for line in lines)
    full = [replace(line, timeline=replace(line.timeline, length=length)) for line in lines]
    symbol = "brace" if is_braced else "bracket"
    group = f"<group-symbol>{symbol}</group-symbol><group-barline>yes</group-barline>"
    staves = [
        f'<score-part id="P{i}">{_part(Imprint(part=name))}</score-part>' for i, name in enumerate(names, start=1)
    ]
    part_list = f'<part-group type="start" number="1">{group}</part-group>{"".join(staves)}'
    parts = [_measures(line, f"part_{i}_", has_tempos=i == 0) for i, line in enumerate(full)]
    return _document(lines[0].title, NO_IMPRINT, f'{part_list}<part-group type="stop" number="1"/>', parts)


def _document(title: str, imprint: Imprint, part_list: str, parts: Sequence[str]) -> str:
    """Put the measures of parts into a file."""
    name = escape(_NOT_XML.sub("", title), quote=False)
    return (
        _HEAD
        + (f"<work><work-title>{name}</work-title></work>\n" if title else "")
        + f"<identification>{_creator(imprint)}<encoding><software>Ritornello</software></encoding>"
        + f"{_origin(imprint)}</identification>\n"
        + f"<part-list>{part_list}</part-list>\n"
        + "".join(f'<part id="P{i}">\n{measures}\n</part>\n' for i, measures in enumerate(parts, start=1))
        + "</score-partwise>\n"
    )


def _measures(melody: Melody, prefix: str = "", has_tempos: bool = True) -> str:
    """Write the measures of a part.

    prefix: of the identifiers of its notes. has_tempos: whether they stand in it.
    """
    bars = notate(melody)
    chords = _chords_by_bar(melody, bars)
    times = [*(element.duration for bar in bars for element in bar.elements), *(place for place, _ in chain(*chords))]
    divisions = lcm(*(time.denominator for time in times))
    clef = _clef([e.pitch for bar in bars for e in bar.elements if e.pitch])
    tempos = _tempos_by_bar(melody, bars) if has_tempos else [[]] * len(bars)
    parts: dict[int, tuple[int, bool]] = {}
    measures = []
    for i, bar in enumerate(bars):
        lines = [*_attributes(bar, divisions, clef if i == 0 else None)]
        lines += _contents(bar, divisions, tempos[i], chords[i], parts)
        if i == len(bars) - 1:
            lines.append('<barline location="right"><bar-style>light-heavy</bar-style></barline>')
        implicit = "" if bar.full else ' implicit="yes"'
        measures.append(f'<measure number="{bar.number}"{implicit}>\n' + "\n".join(lines) + "\n</measure>")
    return "\n".join(measures).replace('<note id="', f'<note id="{prefix}')


def _creator(imprint: Imprint) -> str:
    """Write the composer, if any."""
    text = escape(_NOT_XML.sub("", imprint.composer), quote=False)
    return f'<creator type="composer">{text}</creator>' if text else ""


def _origin(imprint: Imprint) -> str:
    if not imprint.origin:
        return ""
    text = escape(_NOT_XML.sub("", imprint.origin), quote=False)
    return f'<miscellaneous><miscellaneous-field name="origin">{text}</miscellaneous-field></miscellaneous>'


def _part(imprint: Imprint) -> str:
    """Write name and program (from 1; a piano's not) of the part."""
    name = escape(_NOT_XML.sub("", imprint.part), quote=False)
    if not imprint.program:
        return f"<part-name>{name}</part-name>"
    return (
        f'<part-name>{name}</part-name><score-instrument id="P1-I1"><instrument-name>{name}</instrument-name>'
        '</score-instrument><midi-instrument id="P1-I1"><midi-channel>1</midi-channel>'
        f"<midi-program>{imprint.program + 1}</midi-program></midi-instrument>"
    )


def _clef(pitches: Sequence[Spelled]) -> tuple[str, int, int]:
    """Choose sign, line and octave of the clef with the fewest ledger lines, or treble."""

    def cost(clef: tuple[str, int, int, int]) -> float:
        sign, _, octaves, middle = clef
        steps = [abs(p.octave * 7 + "CDEFGAB".index(p.letter) - middle) for p in pitches]
        ledgers = sum(max(0, step - 4) // 2 for step in steps)
        return ledgers + len(pitches) * (1.5 if octaves else 0.6 if sign == "F" else 0.0)

    return min(CLEFS, key=cost)[:3]


def _attributes(bar: Bar, divisions: int, clef: tuple[str, int, int] | None) -> Iterator[str]:
    """Write what is new at the head of a bar, if anything."""
    key = bar.keys.get(bar.start)
    if not (clef or key or bar.new_metre):
        return
    yield "<attributes>"
    if clef:
        yield f"<divisions>{divisions}</divisions>"
    if key:
        yield _key(key)
    if bar.new_metre:
        beats, unit = bar.metre.upper, bar.metre.denominator
        yield f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    if clef:
        sign, line, octaves = clef
        change = f"<clef-octave-change>{octaves}</clef-octave-change>" if octaves else ""
        yield f"<clef><sign>{sign}</sign><line>{line}</line>{change}</clef>"
    yield "</attributes>"


def _key(key: Key) -> str:
    return f"<key><fifths>{key.fifths}</fifths><mode>{key.mode}</mode></key>"


def _tempos_by_bar(melody: Melody, bars: Sequence[Bar]) -> list[list[tuple[Fraction, Tempo]]]:
    """List the tempos that begin in each bar, with their places in quarters."""
    found: list[list[tuple[Fraction, Tempo]]] = [[] for _ in bars]
    starts = [bar.start for bar in bars]
    for tempo in melody.timeline.tempos:
        place = Fraction(tempo.tick, melody.timeline.ticks_per_quarter)
        if place < starts[-1] + bars[-1].duration:
            found[bisect_right(starts, place) - 1].append((place, tempo))
    return found


def _chords_by_bar(melody: Melody, bars: Sequence[Bar]) -> list[list[tuple[Fraction, str]]]:
    """List the chord symbols of each bar, unplaced, with their places in quarters."""
    found: list[list[tuple[Fraction, str]]] = [[] for _ in bars]
    starts = [bar.start for bar in bars]
    for tick, chord in melody.chords:
        place = Fraction(tick, melody.timeline.ticks_per_quarter)
        if place < starts[-1] + bars[-1].duration:
            found[bisect_right(starts, place) - 1].append((place, write_harmony(chord, melody.timeline.key_at(tick))))
    return found


def _contents(
    bar: Bar,
    divisions: int,
    tempos: Sequence[tuple[Fraction, Tempo]],
    chords: Sequence[tuple[Fraction, str]],
    parts: dict[int, tuple[int, bool]],
) -> Iterator[str]:
    """Write the notes and rests of a bar, with the tempos, keys and chord symbols among them."""
    waiting = list(tempos)
    for element in bar.elements:
        while waiting and waiting[0][0] <= element.start:
            yield _tempo(waiting.pop(0)[1], bar.metre)
        if element.start in bar.keys and element.start != bar.start:
            yield f"<attributes>{_key(bar.keys[element.start])}</attributes>"
        for place, harmony in chords:
            if element.start <= place < element.start + element.duration:
                late = int((place - element.start) * divisions)
                yield harmony.replace("</harmony>", f"<offset>{late}</offset></harmony>") if late else harmony
        yield _note(element, divisions, parts)
    for _, tempo in waiting:
        yield _tempo(tempo, bar.metre)


def _tempo(tempo: Tempo, metre: Metre) -> str:
    """Write a tempo: the first as a mark of the beat, rounded, later ones only sounded."""
    sound = f'<sound tempo="{_number(tempo.qpm)}"/>'
    if tempo.tick > 0:
        return f"<direction><direction-type><words/></direction-type>{sound}</direction>"
    unit, dots, minute = tempo_mark(tempo.qpm, metre)
    dot = "<beat-unit-dot/>" * dots
    mark = f"<metronome><beat-unit>{unit}</beat-unit>{dot}<per-minute>{minute}</per-minute></metronome>"
    return f'<direction placement="above"><direction-type>{mark}</direction-type>{sound}</direction>'


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _note(element: Element, divisions: int, parts: dict[int, tuple[int, bool]]) -> str:
    """Write one note or rest.

    parts: how often each note was written so far, counted up here, and whether with a natural sign.
    """
    duration = f"<duration>{element.duration * divisions}</duration>"
    if element.full_bar:
        return f'<note><rest measure="yes"/>{duration}<voice>1</voice></note>'
    inner = [duration]
    inner += [f'<tie type="{kind}"/>' for kind in _ties(element)]
    inner += ["<voice>1</voice>", f"<type>{element.type}</type>", "<dot/>" * element.dots]
    if element.accidental is not None:
        inner.append(f"<accidental>{_ACCIDENTALS[element.accidental]}</accidental>")
    if element.ratio:
        actual, normal = element.ratio
        inner.append(
            f"<time-modification><actual-notes>{actual}</actual-notes>"
            f"<normal-notes>{normal}</normal-notes></time-modification>"
        )
    inner += [f'<beam number="{i}">{word}</beam>' for i, word in enumerate(element.beams, start=1)]
    inner.append(_notations(element))
    return _opened(element, parts) + "".join(inner) + "</note>"


def _opened(element: Element, parts: dict[int, tuple[int, bool]]) -> str:
    """Write the beginning of a note: its identifier and its pitch, or the rest."""
    if element.note is None or element.pitch is None:
        return "<note><rest/>"
    count, is_natural = parts.get(element.note, (0, element.accidental == 0))
    parts[element.note] = count + 1, is_natural
    name = f"note_{element.note}" + (f"-{count + 1}" if count else "")
    step, alter, octave = element.pitch
    # music21 joins tied notes of one name only, and for it B natural is not B
    altered = f"<alter>{alter}</alter>" if alter or (count and is_natural) else ""
    return f'<note id="{name}"><pitch><step>{step}</step>{altered}<octave>{octave}</octave></pitch>'


def _ties(element: Element) -> list[str]:
    return ["stop"] * element.tie_stop + ["start"] * element.tie_start


def _notations(element: Element) -> str:
    """Write ties and tuplet brackets as they are drawn."""
    marks = [f'<tied type="{kind}"/>' for kind in _ties(element)]
    edges = {"single": ("start", "stop"), "": ()}.get(element.tuplet, (element.tuplet,))
    marks += [f'<tuplet type="{edge}" number="1"/>' for edge in edges]
    return f"<notations>{''.join(marks)}</notations>" if marks else ""

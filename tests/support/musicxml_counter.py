"""An independent count of the notes in a MusicXML file: standard library only, none of the code under test.

It is what the MuseScore reader is compared with, after MuseScore itself has turned a score into MusicXML.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

Heard = tuple[Fraction, Fraction, int]  # onset and duration in quarters, sounding pitch


def staves(path: Path) -> list[list[Heard]]:
    """Notes of each staff from top to bottom, ties joined, grace notes left out, every bar once."""
    found: list[list[Heard]] = []
    content = re.sub(rb"< [^>]*/>", b"", path.read_bytes())  # MuseScore 3.2 writes some ornaments without a name
    for part in ElementTree.fromstring(content).findall("part"):
        found += _staves_of_part(part)
    return found


def _staves_of_part(part: ElementTree.Element) -> list[list[Heard]]:
    count = max([1, *(int(e.text or 1) for e in part.iter("staves"))])
    heads: list[list[list]] = [[] for _ in range(count)]
    divisions, shift, bar_start = 1, 0, Fraction(0)
    for measure in part.findall("measure"):
        at = bar_end = onset = bar_start
        for element in measure:
            length = Fraction(int(element.findtext("duration") or 0), divisions)
            if element.tag == "attributes":
                divisions = int(element.findtext("divisions") or divisions)
                transpose = element.find("transpose")
                if transpose is not None:
                    octaves = int(transpose.findtext("octave-change") or 0)
                    shift = int(transpose.findtext("chromatic") or 0) + 12 * octaves
            elif element.tag in ("backup", "forward"):
                at += length if element.tag == "forward" else -length
            elif element.tag == "note" and element.find("grace") is None:
                if element.find("chord") is None:
                    onset, at = at, at + length
                if element.find("pitch") is not None:
                    # MuseScore numbers voices 1-4 on the first staff of a part, 5-8 on the second, wherever drawn
                    staff = (int(element.findtext("voice") or 1) - 1) // 4
                    tied = {tie.get("type") for tie in element.findall("tie")}
                    heads[staff].append([onset, length, _pitch(element) + shift, tied])
            bar_end = max(bar_end, at)
        bar_start += Fraction(round((bar_end - bar_start) * 8), 8)  # a bar is whole, its tuplets are rounded
    return _joined(heads)


def _pitch(note: ElementTree.Element) -> int:
    octave = int(note.findtext("pitch/octave") or 0)
    return 12 * (octave + 1) + STEPS[note.findtext("pitch/step") or "C"] + int(note.findtext("pitch/alter") or 0)


def _joined(staves: list[list[list]]) -> list[list[Heard]]:
    """Heads with every tie chain made one note of the staff where it begins: a stop joins what ends there."""
    notes: list[list[Heard]] = [[] for _ in staves]
    open_notes: list[list] = []
    heads = sorted(((head, staff) for staff, found in enumerate(staves) for head in found), key=lambda h: h[0][0])
    done = []
    for (onset, length, pitch, tied), staff in heads:
        joins = [n for n in open_notes if n[2] == pitch and near(n[0] + n[1], onset)] if "stop" in tied else []
        if joins:
            note = min(joins, key=lambda n: n[3] != staff)  # ties may cross staves, but seldom do
            open_notes = [n for n in open_notes if n is not note]
            note[1] += length
        else:
            note = [onset, length, pitch, staff]
            done.append(note)
        if "start" in tied:
            open_notes.append(note)
    for onset, length, pitch, staff in done:
        notes[staff].append((onset, length, pitch))
    return notes


def near(a: Fraction, b: Fraction) -> bool:
    """Whether two times are the same but for the rounding of odd tuplets to 480 ticks, which adds up along a bar."""
    return abs(a - b) < Fraction(1, 24)


def differences(ours: list[Heard], theirs: list[Heard]) -> list[str]:
    """What one list of notes has and the other has not, as lines; notes are paired pitch by pitch in order."""
    found = []
    for pitch in sorted({n[2] for n in ours} | {n[2] for n in theirs}):
        here = sorted(n for n in ours if n[2] == pitch)
        there = sorted(n for n in theirs if n[2] == pitch)
        while here or there:
            if here and there and near(here[0][0], there[0][0]):
                a, b = here.pop(0), there.pop(0)
                if not near(a[1], b[1]):
                    found.append(f"pitch {pitch} at {a[0]}: lasts {a[1]}, MuseScore says {b[1]}")
            elif not there or (here and here[0][0] < there[0][0]):
                found.append(f"pitch {pitch} at {here.pop(0)[0]}: MuseScore has no such note")
            else:
                found.append(f"pitch {pitch} at {there.pop(0)[0]}: not read")
    return found

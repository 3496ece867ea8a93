"""What other programs read in a MusicXML file: of each note (onset, duration, pitch), in quarters, ties joined; of
each chord symbol its onset and the pitch classes of its root and bass, None for "no chord".
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
READERS = ("verovio", "music21", "MuseScore")

Sounding = tuple[float, float, int]
Symbol = tuple[float, int | None, int | None]


class Reading(NamedTuple):
    """Notes and chord symbols, by onset; chords: None of a program that is not asked for them."""

    notes: list[Sounding]
    chords: list[Symbol] | None = None


def read_by_verovio(text: str) -> Reading:
    """Read the times at which verovio plays the drawn note values."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    if not toolkit.loadData(text):
        return Reading([])
    events = toolkit.renderToTimemap({"includeMeasures": False, "includeRests": False})
    events = json.loads(events) if isinstance(events, str) else events
    starts = {name: event["qstamp"] for event in events for name in event.get("on", [])}
    ends = {name: event["qstamp"] for event in events for name in event.get("off", [])}
    notes: dict[str, list[float]] = {}
    for name in sorted(starts, key=lambda n: starts[n]):
        pitch = toolkit.getMIDIValuesForElement(name)["pitch"]
        note = notes.setdefault(name.split("-")[0], [starts[name], 0.0, pitch])
        note[1] += ends[name] - starts[name]
    return Reading([(start, duration, int(pitch)) for start, duration, pitch in notes.values()])


def read_by_music21(text: str) -> Reading:
    """Read the notes and chord symbols of the score that music21 makes of the text."""
    import music21

    score = music21.converter.parseData(text, format="musicxml")
    symbols = [
        (float(symbol.getOffsetInHierarchy(score)), *(p and p.pitchClass for p in (symbol.root(), symbol.bass())))
        for symbol in score.recurse().getElementsByClass(music21.harmony.Harmony)
    ]
    notes = [n for n in score.stripTies().flatten().notes if isinstance(n, music21.note.Note)]
    return Reading([(float(n.offset), float(n.quarterLength), n.pitch.midi) for n in notes], symbols)


def read_by_musescore(texts: Sequence[str], folder: Path) -> list[Reading]:
    """Let MuseScore 3 open each text and write it as MusicXML of its own, which is counted here."""
    jobs = [
        {"in": str(folder / f"{i}.musicxml"), "out": str(folder / f"{i}-out.musicxml")} for i in range(len(texts))
    ]
    for job, text in zip(jobs, texts, strict=True):
        Path(job["in"]).write_text(text, encoding="utf-8")
    (folder / "job.json").write_text(json.dumps(jobs))
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(["mscore3", "-j", folder / "job.json"], env=quiet, check=True, capture_output=True, timeout=1800)
    return [_counted(Path(job["out"]).read_text(encoding="utf-8")) for job in jobs]


def _counted(text: str) -> Reading:
    """Count the notes and chord symbols of all parts, a voice each."""
    found = [_counted_part(part) for part in ElementTree.fromstring(text).iterfind("part")]
    return Reading([n for notes, _ in found for n in notes], [s for _, symbols in found for s in symbols])


def _counted_part(part: ElementTree.Element) -> tuple[list[Sounding], list[Symbol]]:
    """Count the notes of one voice; ties are joined."""
    place, divisions, notes, symbols = Fraction(0), 1, [], []
    for element in part.iterfind("measure/*"):
        divisions = int(element.findtext("divisions") or divisions)
        if element.tag == "harmony":
            late = Fraction(element.findtext("offset") or 0) / divisions
            root = _class_of(element, "root")
            symbols.append((float(place + late), root, _class_of(element, "bass", root)))
        if element.tag != "note":
            continue
        duration = Fraction(element.findtext("duration") or 0) / divisions
        pitch = element.find("pitch")
        if pitch is not None:
            octave, alter = int(pitch.findtext("octave") or 0), int(pitch.findtext("alter") or 0)
            sound = 12 * (octave + 1) + SEMITONES[pitch.findtext("step") or "C"] + alter
            if any(tie.get("type") == "stop" for tie in element.findall("tie")):
                notes[-1][1] += duration
            else:
                notes.append([place, duration, sound])
        place += duration
    return [(float(start), float(length), sound) for start, length, sound in notes], symbols


def _class_of(harmony: ElementTree.Element, name: str, otherwise: int | None = None) -> int | None:
    """Read the pitch class of a chord symbol's root or bass; None for "no chord"."""
    step = harmony.findtext(f"{name}/{name}-step")
    if not step or harmony.findtext("kind") == "none":
        return otherwise
    return (SEMITONES[step] + int(harmony.findtext(f"{name}/{name}-alter") or 0)) % 12

"""What other programs read in a MusicXML file: (onset, duration, pitch) of each note, in quarters, ties joined."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
READERS = ("verovio", "music21", "MuseScore")

Sounding = tuple[float, float, int]


def read_by_verovio(text: str) -> list[Sounding]:
    """Read the times at which verovio plays the drawn note values."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    if not toolkit.loadData(text):
        return []
    events = toolkit.renderToTimemap({"includeMeasures": False, "includeRests": False})
    events = json.loads(events) if isinstance(events, str) else events
    starts = {name: event["qstamp"] for event in events for name in event.get("on", [])}
    ends = {name: event["qstamp"] for event in events for name in event.get("off", [])}
    notes: dict[str, list[float]] = {}
    for name in sorted(starts, key=lambda n: starts[n]):
        pitch = toolkit.getMIDIValuesForElement(name)["pitch"]
        note = notes.setdefault(name.split("-")[0], [starts[name], 0.0, pitch])
        note[1] += ends[name] - starts[name]
    return [(start, duration, int(pitch)) for start, duration, pitch in notes.values()]


def read_by_music21(text: str) -> list[Sounding]:
    """Read the notes of the score that music21 makes of the text."""
    import music21

    notes = music21.converter.parseData(text, format="musicxml").stripTies().flatten().notes
    return [(float(n.offset), float(n.quarterLength), n.pitch.midi) for n in notes]


def read_by_musescore(texts: Sequence[str], folder: Path) -> list[list[Sounding]]:
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


def _counted(text: str) -> list[Sounding]:
    """Count the notes of one voice; ties are joined."""
    place, divisions, notes = Fraction(0), 1, []
    for element in ElementTree.fromstring(text).iterfind("part/measure/*"):
        divisions = int(element.findtext("divisions") or divisions)
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
    return [(float(start), float(length), sound) for start, length, sound in notes]

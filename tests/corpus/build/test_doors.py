"""Odd files through the whole of `corpus build`: one line each, and the tunes that can be had of them."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zipfile

import numpy as np
import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import Corpus

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
TUNE = [event for p in SCALE for event in ((0, on(p)), (480, off(p)))]


def scale(start: int, ticks: int = 480) -> bytes:
    """Eight notes up a scale, another shape for each start, so that no two are the same tune."""
    pitches = [start + (i * (start % 5 + 1)) % 12 for i in range(8)]
    return track(*(event for p in pitches for event in ((0, on(p)), (ticks, off(p)))))


def running() -> bytes:
    """The scale with one status byte in all: note-ons, those of velocity 0 ending the notes."""
    events = [(0, on(60)), (480, bytes([60, 0]))]
    for pitch in (64, 67, 62, 69, 65, 71, 60):
        events += [(0, bytes([pitch, 80])), (480, bytes([pitch, 0]))]
    return track(*events)


def rmi(content: bytes) -> bytes:
    data = b"RMIDdata" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(data)) + data


LONGEST = 2**28 - 1
SILENT = (0, b"\xff\x51\x03\0\0\0")  # a tempo of 0 microseconds
HANGING = track((0, on(90)), *TUNE)
EMPTY = track((0, on(90)), (0, off(90)), *(e for p in (60, 67, 62, 69, 64, 71) for e in ((0, on(p)), (480, off(p)))))
NO_LENGTHS = [event for p in (60, 55, 62, 55, 64) for event in ((480, on(p)), (0, off(p)))]
LOUD = track(*((0, b"\xb0\x07\xff") if n == 3 else event for n, event in enumerate(TUNE)))
NOTED = {
    *("patterns", "smpte_time", "trailing_bytes", "empty_notes", "endless_notes", "damaged_wait"),
    *("wrong_length", "missing_tracks", "large_bytes"),
}

DOORS: dict[str, tuple[bytes, str, int, str]] = {  # name: content, reason, notes, code of a warning
    "riff.rmi": (rmi(midi_file(scale(61))), "ok", 8, ""),
    "patterns.mid": (midi_file(scale(52), scale(53), kind=2), "ok", 16, "patterns"),
    "smpte.mid": (midi_file(scale(54, 500), division=(256 - 25) << 8 | 40), "ok", 8, "smpte_time"),
    "running.mid": (midi_file(running()), "ok", 8, ""),
    "no end of track.mid": (
        midi_file(scale(57)[:4] + struct.pack(">I", len(scale(57)) - 12) + scale(57)[8:-4]),
        "ok",
        8,
        "",
    ),
    "garbage.mid": (midi_file(scale(58)) + b"<html>this is not music</html>", "ok", 8, "trailing_bytes"),
    "hanging.mid": (midi_file(HANGING), "ok", 8, "endless_notes"),
    "no length.mid": (midi_file(EMPTY), "ok", 6, "empty_notes"),
    "tempo 0.mid": (midi_file(track(SILENT), scale(63)), "ok", 8, ""),
    "late.mid": (midi_file(track((LONGEST, on(60)), (480, off(60)), *TUNE)), "unreadable", 0, ""),
    "late part.mid": (midi_file(scale(66), track((LONGEST, on(60)), (480, off(60)))), "ok", 8, "damaged_wait"),
    "late end.mid": (midi_file(track(*[(0, on(50)), (960, off(50))] * 3, (LONGEST, b"\xff\x01\0"))), "ok", 3, ""),
    "only hanging.mid": (midi_file(track(*[(480, on(p)) for p in (60, 62, 60, 60)])), "ok", 4, "endless_notes"),
    "only no length.mid": (midi_file(track(*NO_LENGTHS)), "ok", 5, "empty_notes"),
    "empty.mid": (b"", "empty_file", 0, ""),
    "empty.abc": (b"", "empty_file", 0, ""),
}


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doors")
    for name, (content, *_) in DOORS.items():
        (folder / name).write_bytes(content)
    return {os.path.basename(line.path): line for line in build_corpus(folder, BuildOptions(keep_copies=True)).report}


@pytest.mark.parametrize("name", DOORS)
def test_every_door(doors, name):
    _, reason, notes, warning = DOORS[name]
    line = doors[name]
    assert (line.reason, line.notes) == (reason, notes), str(line)
    told = {code for code, _ in line.warnings}
    assert told & NOTED == ({warning} if warning else set())


def test_every_file_has_one_line(doors):
    assert set(doors) == set(DOORS)


BOOK = """X:1
T:Good
K:G
GABc defg|

X:2
T:Bad key
K:Hmm
GABc defg|

X:3
T:Good too
K:D
dAFD d2 e2|

X:4
T:No notes
K:C
z4|
"""


def test_each_bad_tune_of_a_book_is_named_with_its_line_and_the_others_stay(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text(BOOK)
    corpus = build_corpus(book)
    assert [p.title for p in corpus.pieces] == ["Good", "Good too"]
    (line,) = corpus.report
    assert line.status == "kept"
    bad = [detail for code, detail in line.warnings if code == "bad_tune"]
    assert bad[0].startswith(f"{book}#2, line 8: ")
    assert bad[1:] == [f"{book}#4, line 16: the tune has no notes"]


def test_a_book_without_a_good_tune_is_dropped_with_the_first_ones_reason(tmp_path):
    (tmp_path / "bad.abc").write_text("X:1\nK:Hmm\nABc|\n\nX:2\nABc|\n")
    (tmp_path / "good.abc").write_text("X:1\nK:C\nABc def|\n")
    bad, _ = build_corpus(tmp_path).report
    assert bad.reason == "unreadable"
    assert "line 2" in bad.detail


@pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="only Linux takes names that are no text")
def test_a_name_that_is_not_utf8_goes_into_the_report_and_on_the_screen(tmp_path, command):
    strange = os.fsencode(tmp_path) + b"/in/caf\xe9 \x1b[31m\n.mid"
    (tmp_path / "in").mkdir()
    with open(strange, "wb") as file:
        file.write(midi_file(scale(60)))
    status, out, err = command("corpus", "build", tmp_path / "in", "-o", tmp_path / "out")
    assert (status, err) == (0, "")
    (line,) = [json.loads(text) for text in (tmp_path / "out/report.jsonl").read_text("utf-8").splitlines()]
    assert os.fsencode(line["path"]) == strange
    assert "caf\\udce9 \\x1b[31m\\n.mid" in out
    assert "\x1b" not in out
    (piece,) = Corpus.load(tmp_path / "out").pieces
    assert os.fsencode(piece.source) == strange


def token_file(no_event: int, note_off: int, kind: str) -> bytes:
    steps = np.array(
        [60, *[no_event] * 3, 64, *[no_event] * 3, 67, no_event, note_off, *[no_event] * 3, 72, *[no_event] * 7]
    )
    stream = io.BytesIO()
    if kind == "npz":
        np.savez(stream, tune=steps)
    elif kind == "object":
        ragged = np.empty(1, object)
        ragged[0] = steps
        np.save(stream, ragged, allow_pickle=True)
    else:
        np.save(stream, steps)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["npy", "npz", "object"])
@pytest.mark.parametrize(
    ("convention", "no_event", "note_off"), [("exercise", 128, 129), ("zeldic", 129, 128), ("magenta", -2, -1)]
)
def test_token_arrays_of_every_convention_give_one_tune(tmp_path, convention, no_event, note_off, kind):
    suffix = "npz" if kind == "npz" else "npy"
    (tmp_path / f"tokens.{suffix}").write_bytes(token_file(no_event, note_off, kind))
    corpus = build_corpus(tmp_path)
    assert [(n.start, n.duration, n.pitch) for n in corpus.melodies()[0].notes] == [
        (0, 480, 60),
        (480, 480, 64),
        (960, 240, 67),
        (1680, 960, 72),
    ]
    assert convention in corpus.report[0].detail


def test_archives_give_what_folders_give(tmp_path):
    """The same files in a folder and in a zip: the same notes and reasons; members stand under the archive."""
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in sorted(DOORS):
            (tmp_path / "in" / name).write_bytes(DOORS[name][0])
            archive.writestr(name, DOORS[name][0])
    from_folder, from_archive = build_corpus(tmp_path / "in"), build_corpus(tmp_path / "all.zip")
    assert from_archive.notes.tobytes() == from_folder.notes.tobytes()
    assert [line.reason for line in from_archive.report] == [line.reason for line in from_folder.report]
    assert from_archive.report[0].path == f"{tmp_path / 'all.zip'}/empty.abc"


def test_bars_of_a_score_that_are_never_played_are_in_its_line(tmp_path):
    note = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>"
    bars = ["".join(note.format(step) for step in steps) for steps in ("CDEF", "GABA", "GFED", "CDED")]
    bars[0] = "<attributes><divisions>1</divisions></attributes>" + bars[0]
    bars[0] += "<direction><direction-type><words>To Coda</words></direction-type></direction>"
    bars[1] += "<direction><direction-type><words>Fine</words></direction-type></direction>"
    bars[3] = "<direction><direction-type><words>Coda</words></direction-type></direction>" + bars[3]
    bars[2] += "<direction><direction-type><words>D.C. al Fine</words></direction-type>"
    bars[2] += '<sound dacapo="yes"/></direction>'
    measures = "".join(f"<measure>{bar}</measure>" for bar in bars)
    (tmp_path / "song.musicxml").write_text(f'<score-partwise><part id="P">{measures}</part></score-partwise>')
    (line,) = build_corpus(tmp_path).report
    assert (line.status, line.notes) == ("kept", 20)
    assert ("unplayed_bars", "bars with notes that its repeat signs never reach (1): 4") in line.warnings

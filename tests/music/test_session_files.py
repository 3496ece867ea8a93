"""Sessions of the live instrument are read as music: two parts, where they were played."""

import json

import pytest

from ritornello.api import build_corpus
from ritornello.music.errors import MusicFileError
from ritornello.music.files import detect, scan_content

HEADING = {"ritornello_session": 1, "dials": {"metre": "3/4", "program": 73}}


def line(time, source, kind, pitch, beat, qpm=60.0):
    return {"t": time, source: kind, "n": pitch, "v": 80, "b": beat, "q": qpm}


def session(*lines):
    return "".join(json.dumps(each) + "\n" for each in (HEADING, *lines)).encode()


DUET = (
    line(0, "heard", "note_on", 60, 0),
    line(1, "heard", "note_off", 60, 1),
    line(1, "played", "note_on", 67, 1),
    line(3, "played", "note_off", 67, 3),
    {"t": 2.5, "played": "silence", "b": 2.5, "q": 60.0},
    {"end": 3},
)


def test_a_session_has_two_parts():
    [piece], remarks = scan_content(session(*DUET), "evening.session")
    assert remarks == []
    assert [(part.name, part.program) for part in piece.parts] == [("player", 0), ("machine", 73)]
    assert [[tuple(n)[:3] for n in part.notes] for part in piece.parts] == [[(0, 960, 60)], [(960, 1440, 67)]]
    assert (piece.timeline.ticks_per_quarter, piece.timeline.metre.name, piece.timeline.qpm) == (960, "3/4", 60)


def test_a_session_may_have_any_name_and_may_be_cut_off():
    content = session(*DUET)[:-20]
    assert detect(content) == "session"
    assert len(scan_content(content, "evening.jsonl")[0][0].parts[1].notes) == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "no notes in this session"),
        (({"t": "x", "heard": "note_on"},), "damaged session"),
        ((line(0, "heard", "note_on", 200, 0), line(1, "heard", "note_off", 200, 1)), "damaged session.*pitch"),
        ((line(0, "heard", "note_on", 60, float("nan")), line(1, "heard", "note_off", 60, 1)), "damaged session"),
        ((line(0, "heard", "note_on", 60, 0, 0.0), line(1, "heard", "note_off", 60, 1, 1.0)), "damaged session"),
        (([1],), "damaged session"),
    ],
)
def test_a_damaged_session_is_refused_in_one_line(lines, message):
    with pytest.raises(MusicFileError, match=message):
        scan_content(session(*lines), "evening.session")


def test_a_corpus_is_built_from_sessions(tmp_path):
    notes = []
    for n, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 60)):
        source = "heard" if n < 8 else "played"
        notes += [line(n, source, "note_on", pitch, n), line(n + 0.98, source, "note_off", pitch, n + 0.98)]
    folder = tmp_path / "evenings"
    folder.mkdir()
    (folder / "one.session").write_bytes(session(*notes))
    (folder / "two.jsonl").write_bytes(session(*notes[:8], *notes[12:]))
    (folder / "log.jsonl").write_text('{"loss": 3}\n')
    corpus = build_corpus(folder, min_bars=2)
    reports = {each.path.rsplit("/", 1)[-1]: each.status for each in corpus.report}
    assert reports == {"log.jsonl": "dropped", "one.session": "kept", "two.jsonl": "kept"}
    assert len(corpus.melodies()[0].notes) == 16  # both parts: they take turns

"""Rows of a file: what `convert` gives, and the bytes in which they travel."""

import json
import struct

import numpy as np
import pytest

from ritornello.corpus.build.convert import convert
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

TUNE = Melody(tuple(Note(480 * n, 480, p) for n, p in enumerate((60, 62, 64, 65, 67, 69, 71, 72))))
BOOK = b"X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nT:Two\nM:3/4\nL:1/4\nK:G\nGAB|cBA|\n"
OPTIONS = BuildOptions()


def to_dict(rows: FileRows) -> tuple:
    return (
        rows.to_dict(),
        rows.corpus.notes.tolist(),
        None if rows.corpus.steps is None else rows.corpus.steps.tolist(),
    )


def test_a_midi_file_gives_its_notes_in_ticks():
    rows = convert(write_midi(TUNE), "scale.mid", OPTIONS)
    assert rows.corpus.notes["pitch"].tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    assert rows.corpus.notes["start"].tolist() == [0, 480, 960, 1440, 1920, 2400, 2880, 3360]
    assert [p.source for p in rows.corpus.pieces] == ["scale.mid"]
    assert rows.problems == ()


def test_each_tune_of_a_book_is_a_piece_of_its_own():
    rows = convert(BOOK, "book.abc", OPTIONS)
    assert [(p.source, p.title) for p in rows.corpus.pieces] == [("book.abc#1", "One"), ("book.abc#2", "Two")]
    assert [(m.first, m.stop) for p in rows.corpus.pieces for m in p.melodies] == [(0, 8), (8, 14)]
    assert len(set(rows.prints)) == 2


def test_the_same_tune_in_another_key_has_the_same_fingerprint():
    low, high = convert(write_midi(TUNE), "a.mid", OPTIONS), convert(write_midi(TUNE.transposed(5)), "b.mid", OPTIONS)
    assert low.prints == high.prints


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "nothing.mid", "empty_file"),
        (b"hello", "letter.txt", "not_music"),
        (b"MThd", "short.mid", "unreadable"),
        (BOOK, "book.mid", "wrong_kind"),
        (write_midi(Melody((Note(0, 480, 60),))), "one.mid", "too_short"),
        (b"\x93NUMPY", "short.npy", "unreadable"),
    ],
)
def test_what_gives_nothing_gives_a_reason(content, name, reason):
    rows = convert(content, name, OPTIONS)
    assert [code for code, _ in rows.problems] == [reason]
    assert rows.corpus.pieces == ()


def voice(pitches, start=0):
    return tuple(Note(start + 480 * n, 480, p) for n, p in enumerate(pitches))


def test_the_first_part_is_named_where_it_was_picked_from_several():
    head = "X:1\nM:4/4\nL:1/4\nK:C\nV:1 name=Melody\nCDEF|GFED|cBAG|FEDC|\n"
    (picked,) = convert((head + "V:2 name=Bass\nC,4|G,,4|C,4|C,4|\n").encode(), "song.abc", OPTIONS).corpus.pieces
    assert (picked.provenance["part"], picked.provenance["part_name"]) == (1, "Melody")
    assert 0.5 < picked.provenance["confidence"] <= 1.0
    (alone,) = convert(head.encode(), "song.abc", OPTIONS).corpus.pieces
    assert alone.provenance == {"file": "song.abc"}


def test_notes_of_segments_that_are_too_short_are_counted_as_lost():
    line = Melody(voice((60, 62, 64, 65, 67, 69, 71, 72, 74, 76)) + voice((60, 62, 64), 480 * 22))
    rows = convert(write_midi(line), "cut.mid", BuildOptions(rest_bars=2.0, least_notes=8))
    assert [m.notes for p in rows.corpus.pieces for m in p.melodies] == [10]
    assert rows.losses["notes_in_short_segments"] == 3


@pytest.mark.parametrize("name", ["tune.mid", "broken.mid", "folder/été \udcff.mid"])
def test_rows_travel_as_bytes_unchanged(name):
    rows = convert(b"MThd" if name == "broken.mid" else write_midi(TUNE), name, OPTIONS)
    assert to_dict(FileRows.from_bytes(rows.to_bytes())) == to_dict(rows)


def test_token_arrays_travel_with_their_steps(tmp_path):
    np.save(tmp_path / "a.npy", np.array([60, 128, 129, 62, 128, 128, 128, 129, 64]))
    rows = convert((tmp_path / "a.npy").read_bytes(), "a.npy", OPTIONS)
    again = FileRows.from_bytes(rows.to_bytes())
    assert again.corpus.steps.tolist() == [60, 128, 129, 62, 128, 128, 128, 129, 64]
    assert again.corpus.pieces[0].melodies[0].steps == (0, 9)


def test_bytes_that_are_no_rows_are_refused_wherever_they_are_cut():
    message = convert(BOOK, "book.abc", OPTIONS).to_bytes()
    for size in range(0, len(message), 7):
        with pytest.raises(ValueError, match="not the rows of a file"):
            FileRows.from_bytes(message[:size])


def altered(change) -> bytes:
    """The rows of the book, with a change made to the header."""
    rows = convert(BOOK, "book.abc", OPTIONS)
    header = rows.to_dict()
    change(header)
    text = json.dumps(header).encode()
    return struct.pack(">IIi", len(text), len(rows.corpus.notes), -1) + text + rows.corpus.notes.tobytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["pieces"][0]["melodies"][0].update(notes=[0, 7]),
        lambda h: h["pieces"][1]["melodies"][0].update(notes=[8, 999]),
        lambda h: h["pieces"][0]["melodies"][0].update(steps=[0, 4]),
        lambda h: h["pieces"][0].pop("title"),
        lambda h: h.update(prints=[]),
        lambda h: h.update(problems=[["no such reason", ""]]),
        lambda h: h.update(losses=[1]),
        lambda h: h.update(pieces=None),
    ],
)
def test_a_worker_that_lies_is_found_out(change):
    with pytest.raises(ValueError):
        FileRows.from_bytes(altered(change))


def test_notes_out_of_range_are_refused():
    rows = convert(write_midi(TUNE), "scale.mid", OPTIONS)
    for field, value in (("pitch", 128), ("duration", 0), ("start", -1), ("velocity", 0)):
        notes = rows.corpus.notes.copy()
        notes[field][3] = value
        with pytest.raises(ValueError, match="out of range"):
            FileRows.from_dict(rows.to_dict(), notes, None)

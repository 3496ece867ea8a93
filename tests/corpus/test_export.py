"""A corpus for other programs: MIDI files, the exercise's arrays, Parquet tables."""

import io
import json
import sys
import zipfile
import zlib
from fractions import Fraction

import numpy as np
import pytest
from outputs import names_in

from ritornello.api import build_corpus
from ritornello.corpus.build.tables import read_table
from ritornello.corpus.embedded import embedded
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.export import export_midi, export_npz, export_parquet, file_names
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.encoding.arrays.comment import MARK, Stated, stated_in, with_comment
from ritornello.encoding.arrays.exercise import read_step_arrays
from ritornello.encoding.grid import Grid
from ritornello.music.files import read
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline

WALTZ = Melody(
    (Note(0, 480, 67), Note(480, 240, 69), Note(960, 960, 71)),
    Timeline(480, 2880, (Metre(0, 3, 4),), (Key(0, 1),)),
)


@pytest.fixture
def corpus() -> Corpus:
    """A waltz in two segments, a tune of a book, two files of one name, and a token array."""
    steps = np.array([60, 128, 129, 128, 62, 128, 128], np.uint8)
    melody = Grid(plain=True).decode(steps)
    pieces = [
        (CorpusPiece("songs/waltz.abc#3", (), "Waltz", "Anon", "CC0-1.0", split="train"), [WALTZ, WALTZ]),
        (CorpusPiece("a/tune.mid", (), split="train"), [WALTZ.transposed(2)]),
        (CorpusPiece("b/Tune.krn", (), split="test"), [WALTZ.transposed(3)]),
        (CorpusPiece("b/arrays.npz#1", (), split="train"), [melody]),
    ]
    return corpus_of(pieces, [None, None, None, None, steps])


def test_midi_files_are_named_after_their_sources_and_hold_their_melodies(corpus, tmp_path):
    paths = export_midi(corpus, tmp_path / "out")
    names = ["waltz-3.mid", "waltz-3 (2).mid", "tune.mid", "Tune (2).mid", "arrays-1.mid"]
    assert [path.name for path in paths] == names
    assert names_in(tmp_path / "out") == sorted(names)
    (piece,) = read(paths[2])
    assert piece.parts[0].notes == WALTZ.transposed(2).notes
    assert piece.timeline.metre.name == "3/4"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("../../etc/passwd", "passwd.mid"),
        ("songs.zip/CON:1?.mid", "CON_1_.mid"),
        ("..", "tune.mid"),
        ("x/été.abc", "été.mid"),
        ("x/caf\udce9.mid", "caf_.mid"),
        ("a#b.mid", "a#b.mid"),
        ("x/" + "long" * 100 + ".mid", ("long" * 45) + ".mid"),
    ],
)
def test_a_name_that_no_file_can_have_is_mended(source, name):
    assert list(file_names([source], ".mid")) == [name]


@pytest.mark.parametrize(
    ("convention", "no_event", "note_off"), [("exercise", 128, 129), ("zeldic", 129, 128), ("magenta", -2, -1)]
)
def test_arrays_in_the_convention_asked_for(corpus, tmp_path, convention, no_event, note_off):
    path = tmp_path / "arrays.npz"
    assert export_npz(corpus, path, convention) == {"moved": 0, "resized": 0, "lost": 0, "notes": 14}
    arrays = np.load(path, allow_pickle=True)
    n, off = no_event, note_off
    waltz = [67, n, n, n, 69, n, off, n, 71, n, n, n, n, n, n, n, off, n, n, n, n, n, n, n]
    assert arrays["train"][0].tolist() == waltz
    assert arrays["train"][3].tolist() == [60, n, off, n, 62, n, n]
    assert arrays["test"][0].tolist() == [p + 3 if 0 <= p < 128 else p for p in waltz]


def test_our_own_reader_reads_the_arrays_back_without_running_a_pickle(corpus, tmp_path):
    export_npz(corpus, tmp_path / "arrays.npz", "exercise")
    found = read_step_arrays((tmp_path / "arrays.npz").read_bytes(), "arrays.npz")
    assert found.convention == "exercise"
    assert [len(a) for a in found.arrays] == [24, 24, 24, 7, 24]


def test_the_same_corpus_gives_the_same_arrays(corpus, tmp_path):
    for name in ("a.npz", "b.npz"):
        export_npz(corpus, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_an_unknown_convention_leaves_no_file(corpus, tmp_path):
    with pytest.raises(ValueError, match="no such convention"):
        export_npz(corpus, tmp_path / "arrays.npz", "mine")
    assert list(tmp_path.iterdir()) == []


def test_parquet_has_a_row_for_each_melody_and_a_file_for_each_split(corpus, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install pyarrow")
    paths = export_parquet(corpus, tmp_path / "out")
    assert [path.name for path in paths] == ["train.parquet", "test.parquet"]
    rows = pq.read_table(paths[0]).to_pylist()
    assert [row["source"] for row in rows] == ["songs/waltz.abc#3"] * 2 + ["a/tune.mid", "b/arrays.npz#1"]
    first = rows[0]
    assert (first["start"], first["duration"], first["pitch"]) == ([0, 480, 960], [480, 240, 960], [67, 69, 71])
    assert (first["metre"], first["key"], first["qpm"]) == ("3/4", "G major", 120.0)
    assert (first["ticks_per_quarter"], first["length"], first["licence"]) == (480, 2880, "CC0-1.0")
    assert json.loads(first["timeline"])["metres"] == [[0, 3, 4]]


def test_the_command_exports_an_embedded_corpus(command, tmp_path):
    outcome = command("corpus", "export", "hymns", "-o", tmp_path / "hymns.npz", "--format", "npz", "--json")
    assert outcome.status == 0
    value = json.loads(outcome.out)
    assert value["melodies"] == len(hymns().melodies())
    assert sum(len(a) for a in np.load(tmp_path / "hymns.npz", allow_pickle=True).values()) == value["melodies"]


def hymns() -> Corpus:
    return embedded("hymns")


@pytest.mark.parametrize("steps_per_quarter", [1, 3, 12])
def test_arrays_of_any_resolution_are_those_of_the_grid(tmp_path, steps_per_quarter):
    grid = Grid(steps_per_quarter, plain=True)
    export_npz(hymns(), tmp_path / "hymns.npz", "exercise", steps_per_quarter)
    arrays = np.load(tmp_path / "hymns.npz", allow_pickle=True)
    for split in hymns().splits:
        for array, melody in list(zip(arrays[split], hymns().melodies(split), strict=True))[::7]:
            assert array.tolist() == grid.encode(melody).tokens.tolist()


PLACES = (
    Note(0, 480, 60, 70), Note(480, 160, 62, 90), Note(640, 160, 64), Note(800, 160, 65), Note(960, 240, 67),
    Note(1440, 480, 64), Note(1920, 1440, 69), Note(3360, 480, 62, 127),
)  # fmt: skip
MIXED = Melody(
    PLACES, Timeline(480, 3840, (Metre(0, 4, 4), Metre(1920, 3, 4)), (Key(0, -1, "dorian"),), (Tempo(0, 90.0),))
)
PICKUP = Melody(PLACES, Timeline(480, 3840, (Metre(0, 4, 4), Metre(480, 4, 4)), (Key(0, 2),)))


def in_quarters(melody: Melody) -> list[tuple]:
    """Onset, duration and pitch of each note, in quarters."""
    quarter = melody.timeline.ticks_per_quarter
    return [(Fraction(n.start, quarter), Fraction(n.duration, quarter), n.pitch) for n in melody.notes]


@pytest.fixture
def mixed() -> Corpus:
    """Triplets, a change of metre, a mode and a tempo; a pick-up; a waltz in two segments; all in one split."""
    about = {"title": "Mixed", "composer": "Anon", "licence": "CC0-1.0"}
    return corpus_of(
        [
            (CorpusPiece("mixed.abc", (), **about, split="train"), [MIXED]),
            (CorpusPiece("pickup.abc", (), split="train"), [PICKUP.transposed(5)]),
            (CorpusPiece("waltz.abc", (), split="train"), [WALTZ, WALTZ.transposed(7)]),
        ]
    )


def built(path, **options) -> list[Melody]:
    return build_corpus(path, keep_copies=True, workers=1, **options).melodies()


def test_tables_are_built_into_the_corpus_that_they_were_written_from(mixed, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    (path,) = export_parquet(mixed, tmp_path / "out")
    again = build_corpus(path, keep_copies=True, workers=1)
    assert [(p.title, p.composer, p.licence, len(p.melodies)) for p in again.pieces] == [
        ("Mixed", "Anon", "CC0-1.0", 1), ("", "", "", 1), ("", "", "", 2),
    ]  # fmt: skip
    assert [p.provenance["source"] for p in again.pieces] == ["mixed.abc", "pickup.abc", "waltz.abc"]
    assert [(m.notes, m.timeline) for m in again.melodies()] == [(m.notes, m.timeline) for m in mixed.melodies()]


def test_midi_files_are_built_into_the_notes_that_they_were_written_from(mixed, tmp_path):
    export_midi(mixed, tmp_path / "out")
    again = {in_quarters(m)[0] + (len(m.notes),): m for m in built(tmp_path / "out")}
    for melody in mixed.melodies():
        found = again[in_quarters(melody)[0] + (len(melody.notes),)]
        assert in_quarters(found) == in_quarters(melody)
        assert [n.velocity for n in found.notes] == [n.velocity for n in melody.notes]


@pytest.mark.parametrize("name", ["arrays", "arrays.npz", "ARRAYS.NPZ"])
def test_arrays_are_built_whatever_case_or_ending_their_name_has(mixed, tmp_path, name):
    export_npz(mixed, tmp_path / name, steps_per_quarter=4)
    again = built(tmp_path / name)
    # thirds of a beat on a grid of sixteenths: at 0, 1 and 3 of 4 steps
    first = [
        (0, 1, 60),
        (1, 0.25, 62),
        (1.25, 0.5, 64),
        (1.75, 0.25, 65),
        (2, 0.5, 67),
        (3, 1, 64),
        (4, 3, 69),
        (7, 1, 62),
    ]
    assert [(float(a), float(b), c) for a, b, c in in_quarters(again[0])] == first
    assert in_quarters(again[2]) == in_quarters(WALTZ)
    assert len(again) == 4


def test_what_the_grid_of_arrays_rounds_is_counted(command, mixed, tmp_path):
    mixed.save(tmp_path / "corpus")
    words = ["corpus", "export", tmp_path / "corpus", "--format", "npz", "-o"]
    status, out, err = command(*words, tmp_path / "coarse.npz")
    # of each triplet two onsets move, and all three notes change their length
    assert (status, err) == (0, "")
    assert "a grid of 4 steps a quarter does not keep all of 22 notes: 4 moved, 6 resized" in out
    value = json.loads(command(*words, tmp_path / "fine", "--steps-per-quarter", 12, "--json").out)
    assert value["remarks"] == []


def test_a_name_that_no_reader_would_take_for_arrays_is_refused(command, tmp_path):
    status, _, err = command("corpus", "export", "hymns", "--format", "npz", "-o", tmp_path / "hymns.mid")
    assert (status, err.count("\n")) == (1, 1)
    assert "name it .npz" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"PK\x03\x04nothing", b"MThd", b"\x93NUMPY", b"text"])
def test_a_name_without_ending_that_holds_no_arrays_is_left_out(tmp_path, content):
    (tmp_path / "README").write_bytes(content)
    with pytest.raises(CorpusError) as raised:
        build_corpus(tmp_path, workers=1)
    assert [line.status for line in raised.value.report] == ["dropped"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"pitch": [60]}], "without ticks_per_quarter, start, duration"),
        (
            [{"ticks_per_quarter": 4, "start": [0, 2], "duration": [4, 4], "pitch": [60, 62]}],
            "row 1: its notes overlap",
        ),
        (
            [{"ticks_per_quarter": 4, "start": [0], "duration": [4], "pitch": [200]}],
            "row 1: a note lies out of range",
        ),
        ([{"ticks_per_quarter": 4, "start": [0], "duration": [4, 4], "pitch": [60]}], "row 1: "),
        (
            [{"ticks_per_quarter": 0, "start": [0], "duration": [4], "pitch": [60]}],
            "row 1: ticks_per_quarter must be",
        ),
    ],
)
def test_a_table_that_holds_no_melodies_is_refused_with_its_reason(tmp_path, rows, said):
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
    with pytest.raises(CorpusError) as raised:
        build_corpus(tmp_path / "table.parquet", workers=1)
    (line,) = raised.value.report
    assert line.reason == "unreadable"
    assert said in line.detail


def test_a_table_of_another_program_needs_only_times_and_pitches(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    import pyarrow.parquet as pq

    row = {"ticks_per_quarter": 2, "start": [0, 2, 4], "duration": [2, 2, 4], "pitch": [60, 62, 64]}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "table.parquet")
    (melody,) = built(tmp_path / "table.parquet")
    assert in_quarters(melody) == [(0, 1, 60), (1, 1, 62), (2, 2, 64)]
    assert melody.timeline.metre.name == "4/4"


def test_tables_need_pyarrow_alone(mixed, tmp_path, monkeypatch):
    """Where Ray is missing tables are written; where pyarrow is missing a line names it alone."""
    monkeypatch.setitem(sys.modules, "ray", None)
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
    export_parquet(mixed, tmp_path / "out")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"^Parquet needs pyarrow: pip install pyarrow$"):
        export_parquet(mixed, tmp_path / "other")
    with pytest.raises(ImportError, match=r"^Parquet needs pyarrow: pip install pyarrow$"):
        read_table((tmp_path / "out/train.parquet").read_bytes(), "train.parquet")


METRES = {
    "waltz with a pick-up": (Metre(0, 3, 4), Metre(12, 3, 4)),
    "five eighths, then four quarters": (Metre(0, 5, 8, (3, 2)), Metre(60, 4, 4)),
    "plain": (Metre(0, 4, 4),),
}


@pytest.mark.parametrize("steps_per_quarter", [2, 4, 12])
def test_arrays_come_back_with_their_metres_and_at_their_own_speed(tmp_path, steps_per_quarter):
    notes = tuple(Note(12 * i, 12, 60 + i * i % 11) for i in range(16))
    tunes = [Melody(notes, Timeline(12, 192, metres), name) for name, metres in METRES.items()]
    pieces = [(CorpusPiece(tune.title, (), split="train"), [tune]) for tune in tunes]
    export_npz(corpus_of(pieces, [None] * 3), tmp_path / "a.npz", steps_per_quarter=steps_per_quarter)
    again = built(tmp_path / "a.npz")
    for melody, tune in zip(again, tunes, strict=True):
        per_quarter = melody.timeline.ticks_per_quarter
        assert [(Fraction(n.start, per_quarter), n.pitch) for n in melody.notes] == [
            (Fraction(n.start, 12), n.pitch) for n in notes
        ]
        scale = Fraction(per_quarter, 12)
        assert [m._replace(tick=m.tick / scale) for m in melody.timeline.metres] == list(tune.timeline.metres)


def test_the_bars_of_an_array_can_be_named(tmp_path):
    steps = np.array([60, 129, 129, 129] * 16)
    np.savez(tmp_path / "a.npz", train=steps)
    (plain,) = build_corpus(tmp_path / "a.npz").melodies()
    assert plain.timeline.metres == (Metre(0, 4, 4),)
    (melody,) = build_corpus(tmp_path / "a.npz", metre="3/4", beat_offset=1).melodies()
    quarter = melody.timeline.ticks_per_quarter
    assert melody.timeline.metres == (Metre(0, 3, 4), Metre(quarter, 3, 4))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not packed",
        zlib.compress(b"[]"),
        zlib.compress(b'{"steps_per_quarter":4.0,"kinds":[],"melodies":[]}'),
        zlib.compress(b'{"steps_per_quarter":99,"kinds":[],"melodies":[]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[[[0,3,5]]],"melodies":[0]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[[[8,3,4]]],"melodies":[0]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[[[0,3,4],[0,3,4]]],"melodies":[0]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[[[0,3,4,[1,1]]]],"melodies":[0]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[[[0,"3",4]]],"melodies":[0]}'),
        zlib.compress(b'{"steps_per_quarter":4,"kinds":[],"melodies":[0]}'),
    ],
)
def test_a_damaged_comment_is_passed_over(tmp_path, value):
    np.savez(tmp_path / "a.npz", train=np.array([60, 129, 129, 129] * 8))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.comment = MARK + value
    content = (tmp_path / "a.npz").read_bytes()
    assert stated_in(content, 1) is None
    assert [len(array) for array in read_step_arrays(content, "a.npz").arrays] == [32]


def test_metres_that_no_comment_can_hold_are_left_out():
    buffer = io.BytesIO()
    np.savez(buffer, train=np.zeros(1, int))
    draw = np.random.default_rng(0)
    kinds = draw.integers(1, 200, (30_000, 2)).tolist()
    metres = tuple((Metre(0, 4, 4), Metre(tick, upper, 4)) for tick, upper in kinds)
    assert stated_in(with_comment(buffer.getvalue(), Stated(12, metres)), 30_000) == Stated(12)
    few = Stated(12, metres[:1000])
    assert stated_in(with_comment(buffer.getvalue(), few), 1000) == few
    assert stated_in(with_comment(buffer.getvalue(), few), 999) == Stated(12)  # the arrays were changed

"""A corpus for other programs: MIDI files, the exercise's arrays, Parquet tables."""

import json

import numpy as np
import pytest
from outputs import names_in

from ritornello.corpus.embedded import embedded
from ritornello.corpus.export import export_midi, export_npz, export_parquet, file_names
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.encoding.arrays.exercise import read_step_arrays
from ritornello.encoding.grid import Grid
from ritornello.music.files import read
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

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
    assert export_npz(corpus, path, convention) == {"train": 4, "test": 1}
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
    pq = pytest.importorskip("pyarrow.parquet", reason='needs pyarrow: pip install "ritornello[scale]"')
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

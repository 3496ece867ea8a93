"""A corpus comes back from disk as it was, and nothing else is taken for one."""

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from outputs import names_in

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import FileReport
from ritornello.corpus.store import Corpus, corpus_of, joined
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline

WALTZ = Timeline(960, 5760, (Metre(0, 3, 4), Metre(960, 3, 4)), (Key(0, -3, "minor"),), (Tempo(0, 90.5),))


def small_corpus() -> Corpus:
    first = Melody((Note(0, 480, 60), Note(480, 480, 62)), title="One", source="one.mid")
    second = Melody((Note(960, 320, 64, 100), Note(1280, 320, 65), Note(1600, 320, 67)), WALTZ, "Two", "two.abc#3")
    third = Melody((Note(0, 1, 72),), WALTZ, "Two", "two.abc#3")
    pieces = [
        (CorpusPiece("one.mid", (), "One", family="a", split="train"), [first]),
        (CorpusPiece("two.abc#3", (), "Two", "Anna", "CC0", {"commit": "abc"}, "b", "test"), [second, third]),
    ]
    return replace(corpus_of(pieces), report=(FileReport("one.mid", "kept", "ok", melodies=1, notes=2),))


def test_what_is_saved_is_loaded(tmp_path):
    corpus = small_corpus()
    corpus.save(tmp_path / "corpus")
    again = Corpus.load(tmp_path / "corpus")
    assert again.pieces == corpus.pieces
    assert again.report == corpus.report
    assert again.notes.tolist() == [(0, 480, 60, 80, 0), (480, 480, 62, 80, 0), *again.notes.tolist()[2:]]
    assert again.notes.tolist() == corpus.notes.tolist()
    assert again.fingerprint == corpus.fingerprint
    assert again.melodies("test") == corpus.melodies("test")


def test_titles_may_hold_what_looks_like_the_end_of_a_line(tmp_path):
    melody = Melody((Note(0, 480, 60),), title="one\u2028two\x85three")
    corpus = corpus_of([(CorpusPiece("a.abc", (), "one\u2028two\x85three\u2029"), [melody])])
    corpus.save(tmp_path / "corpus")
    assert Corpus.load(tmp_path / "corpus").pieces == corpus.pieces


def test_melodies_carry_their_timeline_and_their_pieces_source():
    first, second, third = small_corpus().melodies()
    assert first.notes == (Note(0, 480, 60), Note(480, 480, 62))
    assert second.timeline == WALTZ
    assert second.notes[0] == Note(960, 320, 64, 100)
    assert (second.source, third.source, third.title) == ("two.abc#3", "two.abc#3", "Two")


def test_splits_select_pieces():
    corpus = small_corpus()
    assert corpus.splits == ("train", "test")
    assert [m.source for m in corpus.melodies("train")] == ["one.mid"]
    assert corpus.counts()["test"] == {"pieces": 1, "melodies": 2, "notes": 4}
    assert corpus.counts()["all"] == {"pieces": 2, "melodies": 3, "notes": 6}
    with pytest.raises(CorpusError, match="no split 'dev'; choose train, validation, test"):
        corpus.melodies("dev")


def test_selected_pieces_keep_their_notes():
    corpus = small_corpus()
    only = corpus.selected(corpus.in_split("test"))
    assert only.melodies() == corpus.melodies("test")
    assert only.pieces[0].melodies[0].first == 0


def test_steps_are_kept_step_for_step(tmp_path):
    corpus = small_corpus()
    steps = np.array([60, 128, 62, 129, 129, 128], np.uint8)
    pieces = [replace(corpus.pieces[0], melodies=(replace(corpus.pieces[0].melodies[0], steps=(0, 6)),))]
    Corpus(corpus.notes[:2], tuple(pieces), steps=steps).save(tmp_path / "c")
    again = Corpus.load(tmp_path / "c")
    assert [a.tolist() for a in again.step_arrays("train")] == [[60, 128, 62, 129, 129, 128]]
    assert again.step_arrays("test") == []


def test_fingerprint_follows_notes_and_splits_but_not_names():
    corpus = small_corpus()
    renamed = Corpus(corpus.notes, tuple(replace(p, source="x", title="y") for p in corpus.pieces))
    moved = Corpus(corpus.notes, tuple(replace(p, split="train") for p in corpus.pieces))
    changed = corpus.notes.copy()
    changed["pitch"][0] += 1
    assert renamed.fingerprint == corpus.fingerprint
    assert moved.fingerprint != corpus.fingerprint
    assert Corpus(changed, corpus.pieces).fingerprint != corpus.fingerprint


def test_a_corpus_replaces_a_corpus_and_leaves_other_files_alone(tmp_path):
    corpus = small_corpus()
    corpus.save(tmp_path / "c")
    (tmp_path / "c" / "my notes.txt").write_text("keep me")
    corpus.selected(corpus.in_split("test")).save(tmp_path / "c")
    assert len(Corpus.load(tmp_path / "c")) == 1
    assert (tmp_path / "c" / "my notes.txt").read_text() == "keep me"
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_a_folder_of_other_things_is_refused_and_untouched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CorpusError, match="holds something that is not a corpus"):
        small_corpus().save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(CorpusError, match="a file is in the way"):
        small_corpus().save(tmp_path / "thesis.txt")


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "c").mkdir()
    small_corpus().save(tmp_path / "c")
    assert len(Corpus.load(tmp_path / "c")) == 2


def test_a_failed_save_leaves_the_old_corpus(tmp_path, monkeypatch):
    corpus = small_corpus()
    corpus.save(tmp_path / "c")

    def full_disk(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match=r"No space left.*c/notes.npy'"):
        corpus.selected(corpus.in_split("test")).save(tmp_path / "c")
    monkeypatch.undo()
    assert len(Corpus.load(tmp_path / "c")) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    assert names_in(tmp_path / "c") == ["notes.npy", "pieces.jsonl", "report.jsonl"]


def test_what_is_not_a_corpus_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, words in [("nowhere", "no such corpus"), ("file", "a corpus is a folder"), (".", "not a corpus")]:
        with pytest.raises(CorpusError, match=words) as caught:
            Corpus.load(tmp_path / path)
        assert "\n" not in str(caught.value)


def damage_notes(path):
    content = bytearray((path / "notes.npy").read_bytes())
    content[-2] ^= 1
    (path / "notes.npy").write_bytes(content)


def cut_notes(path):
    (path / "notes.npy").write_bytes((path / "notes.npy").read_bytes()[:-30])


def cut_pieces(path):
    (path / "pieces.jsonl").write_bytes((path / "pieces.jsonl").read_bytes()[:-30])


def lose_a_piece(path):
    lines = (path / "pieces.jsonl").read_text().splitlines()
    (path / "pieces.jsonl").write_text(lines[0] + "\n")


def another_split(path):
    line = json.loads((path / "pieces.jsonl").read_text().splitlines()[0])
    line["split"] = "holdout"
    (path / "pieces.jsonl").write_text(json.dumps(line) + "\n")


def objects_inside(path):
    np.save(path / "notes.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def a_list_for_a_piece(path):
    (path / "pieces.jsonl").write_text("[1, 2]\n")


@pytest.mark.parametrize(
    "damage",
    [damage_notes, cut_notes, cut_pieces, lose_a_piece, another_split, objects_inside, a_list_for_a_piece],
)
def test_damage_is_found_and_named(tmp_path, damage):
    small_corpus().save(tmp_path / "c")
    damage(tmp_path / "c")
    with pytest.raises(CorpusError, match="the corpus is damaged") as caught:
        Corpus.load(tmp_path / "c")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "c") in str(caught.value)


def test_the_report_of_a_corpus_from_disk_prints_as_that_of_its_build(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(22):
        (tmp_path / f"in/{number:02}.mid").write_bytes(b"")
    (tmp_path / "in/tune.abc").write_text("X:1\nK:C\nCDEF|GABc|\n")
    built = build_corpus(tmp_path / "in", out=tmp_path / "corpus")
    loaded = Corpus.load(tmp_path / "corpus")
    assert loaded.report == tuple(built.report)
    assert repr(loaded.report) == repr(built.report)
    assert repr(loaded.report).splitlines()[-1] == "... and 3 more"
    assert pickle.loads(pickle.dumps(loaded.report)) == loaded.report


@pytest.mark.parametrize("count", [0, 1, 7, 8])
def test_notes_are_written_a_piece_at_a_time_as_numpy_writes_them(count, tmp_path, monkeypatch):
    monkeypatch.setattr("ritornello.corpus.store.PIECE", 4)
    melody = Melody(tuple(Note(480 * n, 480, 60 + n) for n in range(count)))
    corpus = corpus_of([(CorpusPiece("a", (), family="a", split="train"), [melody])])
    corpus.save(tmp_path / "corpus")
    whole = io.BytesIO()
    np.save(whole, corpus.notes, allow_pickle=False)
    assert (tmp_path / "corpus" / "notes.npy").read_bytes() == whole.getvalue()
    again = joined((corpus, piece) for piece in corpus.pieces)
    assert again.notes.tolist() == corpus.notes.tolist()
    assert [note["pitch"] for note in again.notes] == [60 + n for n in range(count)]

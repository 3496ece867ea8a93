"""Files in, corpus out: what is kept, what is dropped, and the reason that is given for each file."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from outputs import names_in

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.find import each_file
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import Corpus
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

TUNE = (60, 62, 64, 65, 67, 65, 64, 62, 67, 64, 60, 59, 60)
OTHER = (72, 71, 67, 69, 64, 66, 67, 71, 62, 60, 72, 70, 65)
BOOK = """X:1
T:First
M:3/4
L:1/4
K:G
G A B|d2 B|A G A|G3|]

X:2
T:Second
M:4/4
L:1/8
K:D
d2 f2 a2 f2|e4 c4|B2 d2 c2 A2|d8|]
"""


def midi(pitches, length=480):
    return write_midi(Melody(tuple(Note(length * i, length, p) for i, p in enumerate(pitches))))


def drums():
    """One track on channel 10, written byte by byte: a bass drum for a quarter of 96 ticks."""
    track = bytes([0, 0x99, 36, 100, 96, 0x89, 36, 0, 0, 0xFF, 0x2F, 0])
    return b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96]) + b"MTrk" + len(track).to_bytes(4, "big") + track


@pytest.fixture
def folder(tmp_path):
    """A folder of good and bad files."""
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    for name, content in {
        "a tune.mid": midi(TUNE),
        "copy.mid": midi([p + 3 for p in TUNE], 240),
        "book.abc": BOOK.encode(),
        "deeper/other.mid": midi(OTHER),
        "drums.mid": drums(),
        "empty.mid": b"",
        "page.mid": b"<!DOCTYPE html><html><body>404</body></html>",
        "broken.mid": midi(OTHER)[:40],
        "silent.mid": midi([]),
        "one note.mid": midi([60]),
        "notes.txt": b"buy milk",
        ".hidden.mid": midi(OTHER),
    }.items():
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def test_every_file_has_one_line_with_its_reason(folder):
    corpus = build_corpus(folder)
    report = {str(Path(r.path).relative_to(folder)): r for r in corpus.report}
    assert {name: r.reason for name, r in report.items()} == {
        "a tune.mid": "ok",
        "book.abc": "ok",
        "broken.mid": "unreadable",
        "copy.mid": "duplicate",
        os.path.join("deeper", "other.mid"): "ok",
        "drums.mid": "drums_only",
        "empty.mid": "empty_file",
        "notes.txt": "not_music",
        "one note.mid": "too_short",
        "page.mid": "wrong_kind",
        "silent.mid": "no_notes",
    }
    assert [r.path for r in corpus.report] == sorted(r.path for r in corpus.report)
    for r in corpus.report:
        assert (r.status == "kept") == (r.reason == "ok") == bool(r.notes) == (not r.remedy)
    assert "a tune.mid" in report["copy.mid"].detail
    assert (report["book.abc"].pieces, report["book.abc"].melodies, report["book.abc"].notes) == (2, 2, 20)
    assert report["a tune.mid"].to_dict() | {"path": ""} == {
        "path": "",
        "status": "kept",
        "reason": "ok",
        "remedy": "",
        "detail": "",
        "pieces": 1,
        "melodies": 1,
        "notes": 13,
        "losses": {},
        "warnings": [],
        "kin": [],
    }


def test_what_is_kept_is_what_the_files_hold(folder):
    corpus = build_corpus(folder, BuildOptions(licence="mine"))
    assert [p.title for p in corpus.pieces] == ["", "First", "Second", ""]
    by_title = {m.title: m for m in corpus.melodies()}
    assert [n.pitch for n in by_title["First"].notes] == [67, 69, 71, 74, 71, 69, 67, 69, 67]
    assert by_title["First"].timeline.metre.name == "3/4"
    assert [n.pitch for n in corpus.melodies()[0].notes] == list(TUNE)
    assert {p.licence for p in corpus.pieces} == {"mine"}
    assert corpus.pieces[0].provenance == {"file": str(folder / "a tune.mid")}


def test_it_saves_and_loads(folder, tmp_path):
    corpus = build_corpus(folder)
    corpus.save(tmp_path / "corpus")
    again = Corpus.load(tmp_path / "corpus")
    assert again.report == corpus.report
    assert again.melodies() == corpus.melodies()


def test_progress_is_told_after_each_file(folder):
    told = []
    build_corpus(folder, on_file=lambda done, total, name: told.append((done, total, Path(name).name)))
    assert [done for done, _, _ in told] == list(range(1, 12))
    assert {total for _, total, _ in told} == {11}
    visible = [path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert sorted(name for _, _, name in told) == sorted(visible)


def test_an_explicit_split_keeps_copies_and_reports_them(folder):
    corpus = build_corpus(
        [folder / "a tune.mid", folder / "book.abc", folder / "copy.mid"], BuildOptions(split="last:0.25")
    )
    assert [p.split == "test" for p in corpus.pieces] == [False, False, False, True]
    assert corpus.report[2].status == "kept"
    ((code, detail),) = corpus.report[2].warnings
    assert code == "copies_across"
    assert "a tune.mid" in detail


def test_nothing_kept_is_an_error_that_carries_the_report(folder):
    with pytest.raises(CorpusError, match=r"nothing could be kept of 2 files .*drums.mid: drums_only") as caught:
        build_corpus([folder / "drums.mid", folder / "empty.mid"])
    assert [r.reason for r in caught.value.report] == ["drums_only", "empty_file"]
    assert "\n" not in str(caught.value)


def test_where_nothing_is_kept_the_folder_holds_the_report_alone_until_something_is(folder, tmp_path):
    out = tmp_path / "c"
    for _ in range(2):  # such a folder is as good as an empty one
        with pytest.raises(CorpusError, match="nothing could be kept of 2 files"):
            build_corpus([folder / "drums.mid", folder / "empty.mid"], out=out)
        told = [json.loads(line) for line in (out / "report.jsonl").read_text("utf-8").splitlines()]
        assert [(line["status"], line["reason"]) for line in told] == [
            ("dropped", "drums_only"),
            ("dropped", "empty_file"),
        ]
        assert names_in(out) == ["report.jsonl"]
    build_corpus(folder, out=out)
    before = (out / "report.jsonl").read_bytes()
    with pytest.raises(CorpusError, match="nothing could be kept"):
        build_corpus(folder / "drums.mid", out=out)
    assert (out / "report.jsonl").read_bytes() == before  # that of the corpus, which stays as it was
    assert Corpus.load(out).pieces


def test_a_split_list_that_cannot_be_read_is_said_before_any_file_is_read(folder, tmp_path):
    seen = []
    with pytest.raises(CorpusError, match="nofile: the split list cannot be read"):
        build_corpus(folder, BuildOptions(split=f"list:{tmp_path}/nofile"), on_file=lambda *told: seen.append(told))
    assert not seen


def test_missing_and_empty_sources_are_said_in_one_line(tmp_path):
    with pytest.raises(CorpusError, match="nowhere: no such file or folder"):
        build_corpus(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="no files there; name a folder with MIDI"):
        build_corpus(tmp_path)


def test_rests_are_cut_only_where_asked(tmp_path):
    notes = tuple(Note(480 * i, 480, p) for i, p in enumerate(TUNE))
    later = tuple(n._replace(start=n.start + 480 * 40) for n in notes)
    (tmp_path / "gap.mid").write_bytes(write_midi(Melody((*notes, *later))))
    assert [len(m.notes) for m in build_corpus(tmp_path).melodies()] == [26]
    cut = build_corpus(tmp_path, BuildOptions(rest_bars=2))
    assert [len(m.notes) for m in cut.melodies()] == [13, 13]
    assert len(cut) == 1
    assert cut.report[0].melodies == 2


@pytest.mark.parametrize(
    "changes", [{"repeats": "twice"}, {"least_notes": 0}, {"rest_bars": 0.5}, {"split": "half"}], ids=str
)
def test_options_out_of_range_are_refused(tmp_path, changes):
    [name] = changes
    (tmp_path / "a.mid").write_bytes(midi(TUNE))
    with pytest.raises(CorpusError, match=name):
        build_corpus(tmp_path, BuildOptions(**changes))


def token_arrays(path, convention_no_event, note_off):
    """Two melodies: silence, C4 for two steps, D4 to the end with trailing no_events; and one that is silent."""
    first = [note_off, convention_no_event, 60, convention_no_event, 62, *[convention_no_event] * 4]
    np.savez(path, a=np.array(first), b=np.array([convention_no_event] * 4))


def test_token_arrays_are_kept_step_for_step(tmp_path):
    token_arrays(tmp_path / "tokens.npz", 129, 128)
    corpus = build_corpus(tmp_path)
    assert [a.tolist() for a in corpus.step_arrays()] == [[129, 128, 60, 128, 62, 128, 128, 128, 128]]
    [melody] = corpus.melodies()
    assert [(n.start, n.duration, n.pitch) for n in melody.notes] == [(240, 240, 60), (480, 600, 62)]
    assert "convention zeldic; 1 left out: no_notes" in corpus.report[0].detail
    corpus.save(tmp_path / "c")
    assert Corpus.load(tmp_path / "c").step_arrays()[0].tolist() == corpus.step_arrays()[0].tolist()


def test_under_an_explicit_split_silent_token_arrays_stay_in_their_place(tmp_path):
    token_arrays(tmp_path / "tokens.npz", 128, 129)
    corpus = build_corpus(tmp_path, BuildOptions(split="last:0.5"))
    assert [len(a) for a in corpus.step_arrays("train")] == [9]
    assert [a.tolist() for a in corpus.step_arrays("test")] == [[128] * 4]
    assert corpus.counts()["test"] == {"pieces": 1, "melodies": 1, "notes": 0}


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "trapped"),))

    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(CorpusError, match="unreadable"):
        build_corpus(tmp_path / "trap.npy")
    assert not (tmp_path / "trapped").exists()


def test_folders_are_searched_in_order_and_circles_of_links_end(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("b/2.mid", "b/1.mid", "a.mid", ".secret"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again.mid").symlink_to(tmp_path / "a.mid")
    found = list(each_file([tmp_path / "b" / "2.mid", tmp_path]))
    assert [os.path.relpath(s.name, tmp_path) for s in found] == ["b/2.mid", "a.mid", "b/1.mid"]


def test_links_to_nothing_and_pipes_do_not_stop_the_build(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi(TUNE))
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "gone.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe.mid").st_mode)
    assert [r.reason for r in build_corpus(tmp_path).report] == ["ok", "not_music", "not_music"]


def test_the_exercise_with_its_last_tenth_held_out(shared_data):
    path = shared_data("exercise/melody_training_dataset.npz")
    corpus = build_corpus(path, BuildOptions(split="last:0.1"))
    assert (len(corpus), sum(len(a) for a in corpus.step_arrays())) == (186, 128_174)
    held_out = corpus.step_arrays("test")
    assert (len(held_out), sum(len(a) for a in held_out)) == (19, 11_689)
    assert "convention zeldic" in corpus.report[0].detail


def test_essen_melodies_one_for_each_file(shared_data):
    folder = shared_data("melodies/jugoslav")
    corpus = build_corpus(folder, BuildOptions(split="last:0.1"))
    assert len(corpus) == len(list(folder.glob("*.krn"))) == 115
    assert {r.reason for r in corpus.report} == {"ok"}

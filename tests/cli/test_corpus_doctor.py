"""The doctor at the command line: explain, families, strict, similarity, and the account on the screen."""

import errno
import json
import zipfile

import pytest

from ritornello.corpus.samples import FOLDER as SAMPLES
from ritornello.corpus.store import Corpus
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

TUNE = [
    60,
    60,
    67,
    67,
    69,
    69,
    67,
    65,
    65,
    64,
    64,
    62,
    62,
    60,
    67,
    67,
    65,
    65,
    64,
    64,
    62,
    67,
    67,
    65,
    65,
    64,
    64,
    62,
]
OTHER = [
    64,
    65,
    67,
    72,
    71,
    62,
    60,
    69,
    66,
    64,
    72,
    61,
    63,
    70,
    60,
    68,
    62,
    71,
    65,
    59,
    67,
    60,
    66,
    72,
    63,
    69,
    61,
    60,
]


def midi(pitches, length=480):
    return write_midi(Melody(tuple(Note(length * i, length, p) for i, p in enumerate(pitches))))


@pytest.fixture
def folder(tmp_path):
    """A tune, a copy in another key, one at half speed, a variant, another tune, and three files with nothing.

    Of the 28 notes of the variant the 9th, 18th and 27th are changed; the 28th stands alone: 24 are shared, 86 %.
    """
    (tmp_path / "in").mkdir()
    for name, content in {
        "a.mid": midi(TUNE),
        "b higher.mid": midi([p + 5 for p in TUNE]),
        "c slow.mid": midi(TUNE, 960),
        "d variant.mid": midi([p + (i % 9 == 8) for i, p in enumerate(TUNE)]),
        "e other.mid": midi(OTHER),
        "f few.mid": midi([60, 62, 64]),
        "g empty.mid": b"",
        "h page.mid": b"<!DOCTYPE html><html></html>",
    }.items():
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def reasons(path):
    lines = [json.loads(line) for line in (path / "report.jsonl").read_text("utf-8").splitlines()]
    return {line["path"].split("/")[-1].split("\\")[-1]: line for line in lines}


def test_every_file_has_its_reason_its_numbers_and_its_remedy(command, folder, tmp_path):
    status, out, err = command("corpus", "build", folder, "-o", tmp_path / "c", "--least-notes", 8)
    assert (status, err) == (0, "")
    told = reasons(tmp_path / "c")
    assert {name: line["reason"] for name, line in told.items()} == {
        "a.mid": "ok",
        "b higher.mid": "duplicate",
        "c slow.mid": "duplicate",
        "d variant.mid": "duplicate",
        "e other.mid": "ok",
        "f few.mid": "too_short",
        "g empty.mid": "empty_file",
        "h page.mid": "wrong_kind",
    }
    assert told["b higher.mid"]["detail"] == f"same tune as {folder / 'a.mid'}, 5 semitones up"
    assert told["c slow.mid"]["detail"] == f"same tune as {folder / 'a.mid'}, at half speed"
    assert told["d variant.mid"]["detail"].startswith(
        f"nearly the same tune as {folder / 'a.mid'}: 86 % in shared runs"
    )
    assert told["f few.mid"]["remedy"] == "to keep it, use --least-notes 3"
    for name, line in told.items():
        assert name in out
        assert line["remedy"] in out or line["reason"] in ("too_short", "duplicate", "wrong_kind", "empty_file")
    table = out[out.index("files  ") :].splitlines()
    assert table[1].split()[:2] == ["2", "ok"]
    assert table[2].split()[:3] == ["3", "dropped", "duplicate"]
    assert "look at" in out.splitlines()[-1]
    assert (tmp_path / "c" / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_page_that_fails_is_one_line_and_costs_no_corpus(command, folder, tmp_path, monkeypatch):
    def failing(*_):
        raise IndexError("index 0 is out of bounds\nfor axis 0")

    monkeypatch.setattr("ritornello.reports.corpora.page.report_page", failing)
    status, _, err = command("corpus", "build", folder, "-o", tmp_path / "c")
    assert status == 0
    assert len(Corpus.load(tmp_path / "c")) == 3
    message = "the corpus is written, its page is not (IndexError: index 0 is out of bounds for axis 0)"
    assert f"{tmp_path / 'c'}: {message}" in err.splitlines()


def test_strict_fails_with_status_1_and_writes_nothing(command, folder, tmp_path):
    status, out, err = command("corpus", "build", folder, "-o", tmp_path / "c", "--strict")
    assert status == 1
    assert "g empty.mid" in out
    assert err.startswith("ritornello: strict: 2 of 8 files want attention (1 empty_file, 1 wrong_kind)")
    assert not (tmp_path / "c").exists()
    for name in ("f few.mid", "g empty.mid", "h page.mid"):
        (folder / name).unlink()
    assert command("corpus", "build", folder, "-o", tmp_path / "c", "--strict").status == 0


def test_similarity_is_an_option(command, folder, tmp_path):
    assert command("corpus", "build", folder, "-o", tmp_path / "c", "--similarity", 0.95).status == 0
    assert reasons(tmp_path / "c")["d variant.mid"]["reason"] == "ok"
    assert reasons(tmp_path / "c")["b higher.mid"]["reason"] == "duplicate"
    status, _, err = command("corpus", "build", folder, "-o", tmp_path / "d", "--similarity", 2)
    assert (status != 0, "similarity must be above 0 and at most 1" in err) == (True, True)


def test_families_say_who_is_kin_and_why(command, folder, tmp_path):
    command("corpus", "build", folder, "-o", tmp_path / "c")
    out = command("corpus", "show", tmp_path / "c", "--families").out
    assert "1 family of two or more, 4 tunes in them" in out
    assert "5 semitones up (28 notes, all shared)" in out
    assert "at half speed (28 notes, all shared)" in out
    assert "86 % in shared runs, the longest 8 notes" in out
    [family] = json.loads(command("corpus", "show", tmp_path / "c", "--families", "--json").out)
    kinds = [member["kinship"] and member["kinship"]["kind"] for member in family["members"]]
    assert kinds == [None, "transposed", "stretched", "near"]
    assert [member["kept"] for member in family["members"]] == [True, False, False, False]


def test_kept_copies_are_families_in_one_split(command, folder, tmp_path):
    command("corpus", "build", folder, "-o", tmp_path / "c", "--keep-copies", "--split", "50/25/25")
    corpus = Corpus.load(tmp_path / "c")
    kin = [p for p in corpus.pieces if "other" not in p.source and "few" not in p.source]
    assert len(kin) == 4
    assert len({p.split for p in kin}) == len({p.family for p in kin}) == 1
    [family] = json.loads(command("corpus", "show", tmp_path / "c", "--families", "--json").out)
    assert [member["kept"] for member in family["members"]] == [True] * 4


def test_a_given_list_is_kept_and_copies_across_it_are_told(command, folder, tmp_path):
    (tmp_path / "split.txt").write_text("test\nb higher.mid\ngone.mid\nvalidation\ne other\n")
    status, out, _ = command("corpus", "build", folder, "-o", tmp_path / "c", "--split", f"list:{tmp_path}/split.txt")
    assert status == 0
    splits = {p.source.split("/")[-1].split("\\")[-1]: p.split for p in Corpus.load(tmp_path / "c").pieces}
    assert (splits["b higher.mid"], splits["e other.mid"], splits["a.mid"]) == ("test", "validation", "train")
    [warning] = reasons(tmp_path / "c")["b higher.mid"]["warnings"]
    assert warning["reason"] == "copies_across"
    assert "same tune as" in warning["detail"]
    assert "one of its names is no tune of the corpus, the first 'gone.mid'" in out
    assert "copies_across: 1 in validation or test with a copy or variant in training" in out.splitlines()[-1]
    page = (tmp_path / "c" / "report.html").read_text("utf-8")
    assert "1 validation or test tune has a copy or variant in training" in page


def test_how_many_copies_lie_across_a_split_is_part_of_the_result(command, folder, tmp_path):
    """a, b, c and d are one family; of the six tunes in file order the last four (c, d, e, f) are the test split."""
    given = ("corpus", "build", folder, "-o", tmp_path / "c", "--split", "last:0.6")
    assert "copies_across: 2 in validation or test" in command(*given, "-q").out
    assert json.loads(command(*given, "--json").out)["copies_across"] == 2
    hashed = ("corpus", "build", folder, "-o", tmp_path / "h")
    assert json.loads(command(*hashed, "--json").out)["copies_across"] == 0
    assert "copies_across" not in command(*hashed, "-q").out
    assert "No family lies in two splits." in (tmp_path / "h" / "report.html").read_text("utf-8")


def test_help_names_every_door_and_every_choice(command):
    told = " ".join(command("corpus", "build", "--help").out.split())
    for word in (".zip", ".tar.gz", "**", "copies_across", "[choices: exercise, zeldic, magenta]"):
        assert word in told
    assert "allow_pickle=True" in command("corpus", "export", "--help").out


def test_a_convention_that_is_none_is_refused(command, folder, tmp_path):
    status, _, err = command("corpus", "build", folder, "-o", tmp_path / "c", "--convention", "midi")
    assert status == 2
    assert "zeldic" in err


def test_where_no_process_can_be_started_one_line_says_so(command, folder, tmp_path, monkeypatch):
    def none(*_args, **_options):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("ritornello.music.worker.subprocess.Popen", none)
    status, _, err = command("corpus", "build", folder, "-o", tmp_path / "c", "-q")
    assert (status, err.count("\n")) == (1, 1)
    assert "no process can be started to read files (Resource temporarily unavailable); see that" in err


def test_explain_tells_what_was_picked(command, folder, tmp_path):
    page = tmp_path / "a.html"
    status, out, err = command("corpus", "explain", folder / "a.mid", "-o", page)
    assert (status, err) == (0, "")
    assert "picked part 1 of 1" in out
    assert "the only part with pitches" in out
    assert "█" in out
    assert '<svg class="score-roll"' in page.read_text("utf-8")
    [value] = json.loads(command("corpus", "explain", folder / "a.mid", "--json").out)
    assert (value["status"], value["picked"][0]["notes"]) == ("kept", 28)


def test_explain_says_in_a_line_what_is_wrong(command, folder, tmp_path):
    status, out, err = command("corpus", "explain", folder / "h page.mid")
    assert status == 1
    assert "nothing picked: wrong_kind (this is an HTML page" in out
    assert err.endswith("h page.mid: nothing of it would be kept\n")
    assert err.count("\n") == 1
    assert command("corpus", "explain", folder / "a.mid", "-o", tmp_path / "a.pdf").status == 1
    assert command("corpus", "explain", tmp_path / "gone.mid").status == 1


def test_explain_ends_with_0_where_something_would_be_kept_and_1_where_nothing_would(command, folder, tmp_path):
    tune, drums, page = folder / "a.mid", SAMPLES / "drums-only.mid", folder / "h page.mid"
    assert [command("corpus", "explain", file).status for file in (tune, drums, page)] == [0, 1, 1]
    [value] = json.loads(command("corpus", "explain", drums, "--json").out)
    assert (value["status"], value["refusal"]["reason"]) == ("dropped", "drums_only")
    for name, files, status in (("some.zip", (drums, tune, page), 0), ("none.zip", (page, drums), 1)):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.write(file, file.name)
        run = command("corpus", "explain", tmp_path / name, "--json")
        assert (run.status, len(json.loads(run.out))) == (status, len(files))
    assert command("corpus", "explain", tune, "--least-notes", 1000).status == 1
    assert "exit status is 0 where something" in " ".join(command("corpus", "explain", "--help").out.split())


def test_the_page_of_an_embedded_corpus_can_be_written(command, tmp_path):
    assert command("corpus", "show", "hymns", "--page", tmp_path / "hymns.html").status == 0
    assert "<h1>hymns</h1>" in (tmp_path / "hymns.html").read_text("utf-8")
    assert command("corpus", "show", "hymns", "--page", tmp_path / "hymns.txt").status == 1


def test_a_strict_build_that_writes_nothing_tells_of_every_file_on_the_screen(command, tmp_path):
    (tmp_path / "bad").mkdir()
    for number in range(25):
        (tmp_path / "bad" / f"{number:02}.mid").write_bytes(b"")
    out = command("corpus", "build", tmp_path / "bad", "-o", tmp_path / "c", "--strict").out
    assert all(f"{number:02}.mid" in out for number in range(25))
    assert "report.jsonl" not in out
    assert "more, in report.jsonl" in command("corpus", "build", tmp_path / "bad", "-o", tmp_path / "c").out
    assert (tmp_path / "c" / "report.jsonl").read_text("utf-8").count("\n") == 25

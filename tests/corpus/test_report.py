"""The account of every file: reasons, remedies with their numbers, and --strict."""

import json

import pytest
from report_lines import REPORT, kept

from ritornello.corpus.build.build import build_corpus, strict_failure
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.report import REMEDIES, SHARPER, FileReport, dropped, remedy
from ritornello.corpus.store import Corpus
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

OLD = (
    "ok",
    "not_music",
    "unreadable",
    "wrong_kind",
    "empty_file",
    "no_notes",
    "drums_only",
    "too_short",
    "duplicate",
)


def midi(pitches):
    return write_midi(Melody(tuple(Note(480 * i, 480, p) for i, p in enumerate(pitches))))


def test_reason_codes_are_stable_and_each_has_a_remedy():
    assert set(OLD) <= set(REMEDIES)
    assert all(text and not text.endswith(".") for code, text in REMEDIES.items() if code != "ok")
    assert set(SHARPER) <= set(REMEDIES)


def test_a_remedy_names_the_number_that_helps():
    assert remedy("too_short", "the longest line has 3 notes") == "to keep it, use least_notes=3"
    assert remedy("too_short", "the longest useful line is 3 bars") == "to keep it, use min_bars=3"
    assert remedy("too_short").endswith("join it with another, or lower least_notes= or min_bars=")
    told = "quantising moved 31% of onsets by a third of a step or more; 12 steps a quarter fit"
    assert remedy("off_grid", told) == "try steps_per_quarter=12"
    with pytest.raises(KeyError):
        remedy("no such reason")


def test_a_line_comes_back_from_its_json_with_the_remedy_of_each_warning():
    line = kept("a.mid", warnings=(("off_grid", "31% moved; 12 steps a quarter fit"),), duplicates=({"source": "b"},))
    told = json.loads(json.dumps(line.to_dict()))
    assert told["warnings"] == [
        {
            "reason": "off_grid",
            "detail": "31% moved; 12 steps a quarter fit",
            "remedy": "try --steps-per-quarter 12",
        }
    ]
    assert FileReport.from_dict(told) == line
    assert FileReport.from_dict({"path": "x", "status": "kept", "reason": "ok"}) == FileReport("x", "kept", "ok")


def test_a_line_for_people_says_what_would_help():
    assert str(kept("a.mid")) == "kept     a.mid: 1 melody, 40 notes"
    assert str(dropped("b.mid", "too_short", "3 notes")) == (
        "dropped  b.mid: too_short (3 notes); to keep it, use least_notes=3"
    )
    doubted = kept("c.mid", warnings=(("off_grid", "31%; 12 steps a quarter fit"),))
    assert str(doubted).endswith("; off_grid (31%; 12 steps a quarter fit), try steps_per_quarter=12")


@pytest.mark.parametrize(
    "detail",
    [
        "damaged MIDI data (no note has a pitch that there is): export or fetch it again",
        "cut short: the file ends inside its header; fetch it again",
        "broken or cut short XML (no element): fetch or export the file again",
        "this XML file declares entities, which no score needs: export it again without them",
    ],
)
def test_a_line_advises_once(detail):
    line = dropped("a.mid", "unreadable", detail)
    assert line.detail == detail
    assert str(line).count("again") == remedy("unreadable", detail).count("again")
    assert str(line).startswith(f"dropped  a.mid: unreadable ({detail[:20]}")


def test_strict_lets_copies_pass_and_nothing_else():
    assert strict_failure([kept("a.mid"), dropped("f.mid", "duplicate", "same tune as a.mid")]) == ""
    assert strict_failure(REPORT).startswith(
        "strict: 4 of 6 files want attention (1 unsure_pick, 2 too_short, 1 drums_only), so nothing was written"
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes(midi([60, 62, 64, 65, 67, 65, 64, 62, 67, 64, 60, 59, 60]))
    (tmp_path / "in" / "a higher.mid").write_bytes(midi([65, 67, 69, 70, 72, 70, 69, 67, 72, 69, 65, 64, 65]))
    return tmp_path / "in"


def test_a_strict_build_of_sound_files_is_as_any_other(folder, tmp_path):
    corpus = build_corpus(folder, BuildOptions(strict=True), out=tmp_path / "c")
    assert [r.reason for r in corpus.report] == ["ok", "duplicate"]
    assert Corpus.load(tmp_path / "c").report == corpus.report
    assert corpus.report[1].detail == f"same tune as {folder / 'a higher.mid'}, 5 semitones down"
    [kin] = corpus.report[1].duplicates
    assert (kin["source"], kin["kind"], kin["semitones"]) == (str(folder / "a.mid"), "transposed", -5)


def test_a_strict_build_fails_with_its_report_and_writes_nothing(folder, tmp_path):
    (folder / "few.mid").write_bytes(midi([60, 62, 64]))
    with pytest.raises(CorpusError, match=r"strict: 1 of 3 files .*use least_notes=3") as caught:
        build_corpus(folder, BuildOptions(strict=True, least_notes=8), out=tmp_path / "c")
    assert [r.reason for r in caught.value.report] == ["ok", "duplicate", "too_short"]
    assert not (tmp_path / "c").exists()


def test_melodies_of_few_bars_are_left_out_where_that_is_asked_and_the_number_that_keeps_them_is_told(folder):
    (folder / "b.mid").write_bytes(midi([72, 71, 67, 69, 64, 66, 67, 71, 62]))  # nine quarters: three bars
    report = {r.path.rsplit("/", 1)[-1]: r for r in build_corpus(folder, BuildOptions(min_bars=4)).report}
    assert report["b.mid"].detail.endswith("the longest useful line is 3 bars")
    assert report["b.mid"].remedy == "to keep it, use min_bars=3"
    assert [r.status for r in build_corpus(folder, BuildOptions(min_bars=3)).report] == ["kept", "dropped", "kept"]
    with pytest.raises(CorpusError, match="min_bars must be 0 or more"):
        build_corpus(folder, BuildOptions(min_bars=-1))


def test_copies_can_be_kept_all_in_one_split(folder):
    corpus = build_corpus(folder, BuildOptions(keep_copies=True))
    assert len(corpus) == 2
    assert len({p.family for p in corpus.pieces}) == len({p.split for p in corpus.pieces}) == 1


def test_a_file_whose_name_is_no_text_has_its_line_too(folder, tmp_path):
    (folder / "\udcff.mid").write_bytes(b"x")
    build_corpus(folder, out=tmp_path / "c")
    report = Corpus.load(tmp_path / "c").report
    assert [r.status for r in report] == ["kept", "dropped", "dropped"]
    assert report[2].path.endswith("\udcff.mid")


@pytest.mark.parametrize(
    ("reason", "detail", "words"),
    [
        ("not_music", "a link to nothing", "put back what the link leads to"),
        ("not_music", "not a file", "a pipe, socket or device has nothing to read"),
        ("not_music", "a link or a device in an archive", "pack the file itself"),
        ("not_music", ".txt is not read", "give it one of the endings"),
        ("wrong_kind", "this is XML of another kind, not a MusicXML file", "export the score as MusicXML"),
        ("wrong_kind", "this is an HTML page, not a MIDI file", "fetch the file itself"),
        ("unreadable", "cut short: a track promises 9 bytes, 2 are there", "fetch or copy the file again"),
        ("unreadable", "Permission denied", "allow yourself to read it"),
        ("unreadable", "the folder cannot be listed", "allow yourself to read it"),
        ("unreadable", "cannot tell which token is no_event: name the convention", "convention="),
        ("unreadable", "expected whole numbers, found float64", "as whole numbers in an .npy or .npz file"),
        ("unreadable", "damaged: its first note comes only after 100000 quarters", "take the wait before the first"),
        ("unreadable", "damaged MIDI data (x): export or fetch it again", "export it again"),
    ],
)
def test_the_remedy_is_true_of_the_detail(reason, detail, words):
    assert words in remedy(reason, detail)


@pytest.mark.parametrize(
    "name", ["none.mid", "none.abc", "none.zip", "none.tar", "none.tar.gz", "none.npz", "none.mxl"]
)
def test_a_file_without_bytes_is_called_empty_whatever_its_name(name, folder, tmp_path):
    (folder / name).write_bytes(b"")
    [line] = [line for line in build_corpus(folder).report if line.path.endswith(name)]
    assert (line.status, line.reason, line.detail) == ("dropped", "empty_file", "")

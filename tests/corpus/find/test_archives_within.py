"""Archives within archives, and archives that are damaged: the good members are read, every one is accounted for."""

from __future__ import annotations

import os
import zipfile

import pytest
from test_archives import PACKERS, put, tar, zipped

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.find.archive_limits import ArchiveError, Limits
from ritornello.corpus.find.archives import forget, list_members, read_member
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

TUNES = {"a.mid": b"first" * 40, "b.mid": os.urandom(300), "c/d.mid": b"third" * 50}
PACKED = {"zip": zipped(TUNES), **{f"tar{end}": packer(tar(TUNES)) for end, packer in PACKERS.items()}}


@pytest.fixture(autouse=True)
def _let_go():
    yield
    forget()


def listed(path: str, limits: Limits | None = None) -> tuple[dict[str, bytes], dict[str, tuple[str, str]], str]:
    """Of an archive: what can be read, what is refused and why, and what is said of the whole."""
    read, refused, damage = {}, {}, ""
    try:
        for member in list_members(path, limits) if limits else list_members(path):
            if member.problem:
                refused[member.name] = member.problem
            else:
                try:
                    read[member.name] = read_member(path, member.index, 10**6)
                except ArchiveError as error:
                    refused[member.name] = ("bad_archive", str(error))
    except ArchiveError as error:
        damage = str(error)
    return read, refused, damage


def within(name: str, files: dict[str, bytes] = TUNES) -> dict[str, bytes]:
    return {f"{name}/{key}": content for key, content in files.items()}


@pytest.mark.parametrize("inner", PACKED)
@pytest.mark.parametrize("outer", ["zip", "tar.gz"])
def test_an_archive_within_an_archive_is_read_like_a_folder(tmp_path, outer, inner):
    files = {"first.mid": b"1", f"in.{inner}": PACKED[inner], "last.mid": b"2", f"again.{inner}": PACKED[inner]}
    path = put(tmp_path, f"out.{outer}", zipped(files) if outer == "zip" else PACKERS[".gz"](tar(files)))
    expected = {"first.mid": b"1", **within(f"in.{inner}"), "last.mid": b"2", **within(f"again.{inner}")}
    assert listed(path) == (expected, {}, "")


def test_members_within_can_be_read_in_any_order(tmp_path):
    path = put(tmp_path, "o.zip", zipped({"x.zip": PACKED["zip"], "y.tar": PACKED["tar"], "z.mid": b"z"}))
    contents = {**within("x.zip"), **within("y.tar"), "z.mid": b"z"}
    for member in reversed([*list_members(path), *list_members(path)]):
        assert read_member(path, member.index, 10**6) == contents[member.name]


def test_an_archive_two_deep_is_named_and_what_lies_beside_it_read(tmp_path):
    middle = zipped({"deep.zip": PACKED["zip"], "good.mid": b"good"})
    read, refused, _ = listed(put(tmp_path, "o.zip", zipped({"m.zip": middle, "n.mid": b"n"})))
    assert read == {"m.zip/good.mid": b"good", "n.mid": b"n"}
    assert refused == {"m.zip/deep.zip": ("nested_archive", "an archive two deep in others is not opened")}


def test_bad_names_in_an_archive_within_are_refused_and_hidden_ones_passed_over(tmp_path):
    inner = zipped({"../up.mid": b"u", ".hidden.mid": b"h", "__MACOSX/a.mid": b"m", "a.mid": b"a"})
    read, refused, _ = listed(put(tmp_path, "o.zip", zipped({"i.zip": inner})))
    assert read == {"i.zip/a.mid": b"a"}
    assert {name: reason for name, (reason, _) in refused.items()} == {"i.zip/../up.mid": "unsafe_name"}


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (b"", "not a tar"),
        (b"PK not really", "not a zip"),
        (b"<html>no archive</html>", "tar"),
        (zipped({}), "it holds no files"),
    ],
)
def test_an_archive_within_that_is_none_costs_one_line(tmp_path, inner, words):
    read, refused, damage = listed(put(tmp_path, "o.zip", zipped({"a.mid": b"a", "i.zip": inner, "b.mid": b"b"})))
    assert (read, damage) == ({"a.mid": b"a", "b.mid": b"b"}, "")
    assert refused["i.zip"][0] == "bad_archive"
    assert words in refused["i.zip"][1] or not inner


def test_a_damaged_archive_within_costs_one_line_and_of_a_tar_the_beginning_is_read(tmp_path):
    files = {"i.zip": zipped(TUNES)[:-100], "i.tar": tar(TUNES)[: 512 * 5], "after.mid": b"x"}
    read, refused, damage = listed(put(tmp_path, "o.zip", zipped(files)))
    assert damage == ""
    assert read == {"i.tar/a.mid": TUNES["a.mid"], "i.tar/b.mid": TUNES["b.mid"], "after.mid": b"x"}
    assert {name: reason for name, (reason, _) in refused.items()} == dict.fromkeys(
        ("i.zip", "i.tar/c/d.mid", "i.tar"), "bad_archive"
    )


def test_what_archives_within_hold_counts_together(tmp_path):
    limits = Limits(free_bytes=2**20)
    bomb = zipped({f"{n}.mid": bytes(250_000) for n in range(3)})  # 750 kB in about one
    path = put(tmp_path, "o.zip", zipped({"1.zip": bomb, "2.zip": bomb, "a.mid": b"a"}, zipfile.ZIP_STORED))
    read, refused, damage = listed(path, limits)
    assert set(read) == {"1.zip/0.mid", "1.zip/1.mid", "1.zip/2.mid", "a.mid"}
    assert list(refused) == ["2.zip"]
    assert "holds too much" in refused["2.zip"][1]
    assert damage == ""
    few = Limits(members=7)
    assert list(listed(put(tmp_path, "p.zip", zipped({f"{n}.zip": bomb for n in range(4)})), few)[1]) == [
        "2.zip",
        "3.zip",
    ]


def test_what_is_no_zip_at_all_stays_one_line(tmp_path):
    assert listed(put(tmp_path, "a.zip", b"<html>" * 100)) == (
        {},
        {},
        "damaged (File is not a zip file)",
    )


def test_a_build_keeps_what_is_good_in_all_of_them_and_names_the_rest(tmp_path):
    tunes = [[60, 62, 64, 65, 67, 69, 71, 72], [72, 64, 60, 67, 65, 62, 71, 60], [67, 67, 69, 60, 62, 71, 64, 64]]
    files = {
        f"{n}.mid": write_midi(Melody(tuple(Note(i * 480, 480, p) for i, p in enumerate(t))))
        for n, t in enumerate(tunes)
    }
    cut = zipped({"1.mid": files["1.mid"], "2.mid": files["2.mid"]})
    inner = zipped({"0.mid": files["0.mid"]})
    path = put(tmp_path, "all.zip", zipped({"good.zip": inner, "cut.zip": cut[: cut.index(b"PK\x01\x02") - 3]}))
    report = {os.path.relpath(line.path, path).replace(os.sep, "/"): line for line in build_corpus(path).report}
    assert {name: line.reason for name, line in report.items()} == {"good.zip/0.mid": "ok", "cut.zip": "bad_archive"}
    assert report["cut.zip"].detail == "damaged (File is not a zip file)"
    assert "unpack it and give the folder" in report["cut.zip"].remedy

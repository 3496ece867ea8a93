"""Every door: what a user names becomes a list of sources, and each can say why it is not read."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import zipfile

import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.find import Source, each_file
from ritornello.corpus.report import REMEDIES

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX file names are bytes, only POSIX has these links")


def find_files(sources) -> list[Source]:
    return list(each_file(sources))


def names(folder, sources) -> list[str]:
    return [os.path.relpath(s.name, folder).replace(os.sep, "/") for s in find_files(sources)]


def fill(folder, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x")


def refused(source: Source) -> tuple[str, str]:
    with pytest.raises(CorpusError) as caught:
        source.read()
    assert caught.value.reason in REMEDIES
    return caught.value.reason, str(caught.value)


def test_a_folder_is_searched_in_the_order_of_paths(tmp_path):
    fill(tmp_path, "b/2.mid", "b/1.mid", "b.mid", "a/z/1.abc", "a.krn", ".hidden.mid", ".git/x.mid", "c/.d/e.mid")
    assert names(tmp_path, [tmp_path]) == ["a/z/1.abc", "a.krn", "b/1.mid", "b/2.mid", "b.mid"]


def test_what_is_named_twice_is_found_once_in_the_place_of_the_first(tmp_path):
    fill(tmp_path, "a.mid", "b.mid")
    assert names(tmp_path, [tmp_path / "b.mid", tmp_path, tmp_path / "a.mid"]) == ["b.mid", "a.mid"]


@posix
def test_links_are_followed_but_never_in_a_circle(tmp_path):
    fill(tmp_path, "in/deep/a.mid", "elsewhere/b.mid")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/away").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/self").symlink_to(tmp_path / "in/self")
    (tmp_path / "in/same.mid").symlink_to(tmp_path / "in/deep/a.mid")
    found = find_files([tmp_path / "in"])
    assert [os.path.relpath(s.name, tmp_path) for s in found] == ["in/away/b.mid", "in/deep/a.mid", "in/self"]
    assert refused(found[2]) == ("not_music", "a link to nothing")


@posix
def test_a_thousand_links_in_a_circle_end(tmp_path):
    """Each of ten folders links to all of them: without a memory there would be 10^40 ways through."""
    fill(tmp_path, *(f"{n}/tune{n}.mid" for n in range(10)))
    for n in range(10):
        for other in range(10):
            (tmp_path / str(n) / f"to{other}").symlink_to(tmp_path / str(other))
    assert len(find_files([tmp_path])) == len(find_files([str(tmp_path / "**/*.mid")])) == 10


def test_folders_may_lie_deeper_than_functions_can_call_each_other(tmp_path, monkeypatch):
    here = tmp_path
    monkeypatch.setattr(sys, "setrecursionlimit", lambda _: None)
    for _ in range(300):
        here = here / "d"
    here.mkdir(parents=True)
    fill(here, "a.mid")
    assert len(find_files([tmp_path])) == 1


def test_folders_that_hold_a_training_run_are_passed_over(tmp_path):
    fill(tmp_path, "a.mid", "run/last.safetensors", "run/samples/epoch-0001.00.mid")
    fill(tmp_path, "old/model.safetensors", "old/log.jsonl", "old/b.mid", "tunes/log.jsonl", "tunes/c.mid")
    assert names(tmp_path, [tmp_path]) == ["a.mid", "tunes/c.mid", "tunes/log.jsonl"]
    assert names(tmp_path, [f"{tmp_path}/**/*.mid"]) == ["a.mid", "tunes/c.mid"]
    assert names(tmp_path, [tmp_path / "run/samples"]) == ["run/samples/epoch-0001.00.mid"]
    with pytest.raises(CorpusError, match=r"run: a training run, not tunes to learn from.*resume=True.*base="):
        find_files([tmp_path / "run"])


def test_patterns_match_files_and_folders(tmp_path):
    fill(tmp_path, "a.mid", "a.abc", "x/b.mid", "x/y/c.mid", "x/y/d.abc", "x/.h/e.mid", "xz/f.mid")
    assert names(tmp_path, [f"{tmp_path}/*.mid"]) == ["a.mid"]
    assert names(tmp_path, [f"{tmp_path}/**/*.mid"]) == ["a.mid", "x/b.mid", "x/y/c.mid", "xz/f.mid"]
    assert names(tmp_path, [f"{tmp_path}/x/**/d.*"]) == ["x/y/d.abc"]
    assert names(tmp_path, [f"{tmp_path}/x?"]) == ["xz/f.mid"]
    assert names(tmp_path, [f"{tmp_path}/[!x]*.abc", f"{tmp_path}/x/y"]) == ["a.abc", "x/y/c.mid", "x/y/d.abc"]


def test_a_pattern_relative_to_the_current_folder(tmp_path, monkeypatch):
    fill(tmp_path, "in/a.mid", "in/b/c.mid")
    monkeypatch.chdir(tmp_path)
    assert [s.name.replace(os.sep, "/") for s in find_files(["in/*.mid", "**/c.mid"])] == ["in/a.mid", "./in/b/c.mid"]


@posix
def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path):
    fill(tmp_path, "song [live] *.mid", "song l.mid")
    assert names(tmp_path, [tmp_path / "song [live] *.mid"]) == ["song [live] *.mid"]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(CorpusError, match="nowhere: no such file or folder; check the name"):
        find_files([tmp_path / "nowhere"])
    with pytest.raises(CorpusError, match="no file matches this pattern"):
        find_files([f"{tmp_path}/*.mid"])
    with pytest.raises(CorpusError, match="no file matches this pattern"):
        find_files([f"{tmp_path}/none/**/*.mid"])
    with pytest.raises(CorpusError, match="no files there"):
        find_files([tmp_path])


def test_what_need_not_be_opened_says_why(tmp_path):
    fill(tmp_path, "film.mp4", "README")
    (tmp_path / "empty.mid").write_bytes(b"")
    found = {os.path.basename(s.name): refused(s) for s in find_files([tmp_path])}
    assert found == {
        "README": ("not_music", "a name without an ending is not read"),
        "empty.mid": ("empty_file", ""),
        "film.mp4": ("not_music", ".mp4 is not read"),
    }


@posix
def test_pipes_and_dangling_links_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nothing")
    assert [refused(s) for s in find_files([tmp_path])] == [
        ("not_music", "a link to nothing"),
        ("not_music", "not a file"),
    ]
    assert refused(Source("p", str(tmp_path / "pipe.mid"))) == ("not_music", "not a file")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="the superuser may write anywhere, and read")
def test_what_may_not_be_read_is_told(tmp_path):
    fill(tmp_path, "a.mid", "shut/b.mid")
    (tmp_path / "a.mid").chmod(0)
    (tmp_path / "shut").chmod(0)
    try:
        assert [refused(s)[0] for s in find_files([tmp_path])] == ["unreadable", "unreadable"]
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_what_cannot_be_listed_or_opened_is_told_even_to_root(tmp_path, monkeypatch):
    """The system's refusals, feigned where the tests run as root."""
    fill(tmp_path, "a.mid", "shut/b.mid")
    real_scan, real_open = os.scandir, os.open

    def no(real, path, *more):
        if os.path.basename(path) in ("shut", "a.mid"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *more)

    monkeypatch.setattr(os, "scandir", lambda path: no(real_scan, path))
    monkeypatch.setattr(os, "open", lambda path, *more: no(real_open, path, *more))
    assert [refused(s) for s in find_files([tmp_path])] == [
        ("unreadable", "Permission denied"),
        ("unreadable", "the folder cannot be listed"),
    ]


def test_a_file_that_is_too_large_is_not_taken_in(tmp_path):
    with open(tmp_path / "huge.mid", "wb") as file:
        file.truncate(2**30)
    assert refused(find_files([tmp_path])[0]) == ("too_large", "over 64 MB")


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes no such names")
def test_names_that_are_not_utf8_open_their_files(tmp_path):
    strange = os.fsencode(tmp_path) + b"/caf\xe9 \xff.mid"
    with open(strange, "wb") as file:
        file.write(b"MThd")
    (source,) = find_files([tmp_path])
    assert os.fsencode(source.name) == strange
    assert source.read() == b"MThd"


def archive_of_everything(path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("c.mid", "c")
    files = {"a.mid": b"first", "b/n.zip": inner.getvalue(), "README": b"hi", "../up.mid": b"up", "e.abc": b""}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.mid", b"second")


def test_an_archive_is_a_folder_whose_every_member_is_accounted_for(tmp_path):
    fill(tmp_path, "in/z.mid")
    archive_of_everything(tmp_path / "in/all.zip")
    *members, plain = find_files([tmp_path / "in"])
    assert [os.path.relpath(s.name, tmp_path / "in").replace(os.sep, "/") for s in (*members, plain)] == [
        "all.zip/a.mid",
        "all.zip/b/n.zip/c.mid",
        "all.zip/README",
        "up.mid",  # relpath resolves the "..": the name itself keeps it
        "all.zip/e.abc",
        "all.zip/a (2).mid",
        "z.mid",
    ]
    first, nested, readme, up, empty, second = members
    assert (first.read(), second.read()) == (b"first", b"second")
    assert nested.read() == b"c"
    assert refused(readme)[0] == "not_music"
    assert refused(up)[0] == "unsafe_name"
    assert refused(empty)[0] == "empty_file"


def test_a_thousand_members_of_one_name_are_told_apart(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for n in range(1000):
            info = tarfile.TarInfo("a.mid" if n else "a (7).mid")
            info.size = 2
            archive.addfile(info, io.BytesIO(b"%02d" % (n % 100)))
    (tmp_path / "t.tar").write_bytes(stream.getvalue())
    found = find_files([tmp_path])
    assert len({s.name for s in found}) == 1000
    assert [s.read() for s in found[:3]] == [b"00", b"01", b"02"]


def test_a_damaged_archive_has_one_line_behind_what_could_be_read(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in ("a.mid", "b.mid"):
            info = tarfile.TarInfo(name)
            info.size = 2000
            archive.addfile(info, io.BytesIO(b"x" * 2000))
    (tmp_path / "t.tar").write_bytes(stream.getvalue()[:4000])
    first, cut, archive_itself = find_files([tmp_path])
    assert len(first.read()) == 2000
    assert refused(cut) == ("bad_archive", "damaged (it is cut short)")
    assert archive_itself.name == str(tmp_path / "t.tar")
    assert refused(archive_itself) == ("bad_archive", "damaged (unexpected end of data)")


def test_only_files_with_names_of_archives_are_opened(tmp_path):
    archives = ["a.zip", "b.TAR.GZ", "c.tgz", "d.tar.xz", "e.tbz2", "f.txz", "g.tar"]
    files = ["h.mxl", "i.mscz", "j.npz", "k.mid"]
    fill(tmp_path, *archives, *files, "l.gz", "zip")
    reasons = {os.path.basename(s.name): s.problem[0] if s.problem else "" for s in find_files([tmp_path])}
    assert reasons == {
        **dict.fromkeys(archives, "bad_archive"),
        **dict.fromkeys(files, ""),
        "l.gz": "not_music",
        "zip": "not_music",
    }


def test_an_archive_of_nothing_has_a_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "none.zip", "w"):
        pass
    assert refused(find_files([tmp_path])[0]) == ("bad_archive", "it holds no files")

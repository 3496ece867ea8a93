"""Compressed scores open whatever their container is like, as long as there is no doubt what the score is."""

from __future__ import annotations

import io
import zipfile

import pytest

from ritornello.music.files import scan_content

SCORE = (
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise><part-list><score-part id="P1"/></part-list><part id="P1">'
    "<measure><attributes><divisions>1</divisions></attributes><note><pitch><step>{step}</step><octave>4</octave></pitch>"
    "<duration>4</duration></note></measure></part></score-partwise>"
)
ROOTFILES = '<container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'
C, D = (SCORE.format(step=step) for step in "CD")
METADATA = "<metadata><title>none of music</title></metadata>"


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def pitches(files: dict[str, str | bytes]) -> list[int]:
    """The first pitch of each piece in the archive: 60 of score C, 62 of D."""
    pieces, _ = scan_content(packed(files), "song.mxl")
    return [piece.parts[0].notes[0].pitch for piece in pieces]


def named(path: str) -> str:
    return ROOTFILES.format(path)


@pytest.mark.parametrize(
    "container",
    [
        "",
        "<container>",
        named("a.xml")[:-20],
        named("elsewhere.xml"),
        "<container><rootfiles><rootfile full-path='it's.xml'/></rootfiles></container>",
        "<container><rootfiles><rootfile full-path=a.xml></rootfiles></container>",
        b"\xff\xfe\x00",
        "no XML at all & nothing <",
    ],
)
def test_a_container_that_leads_nowhere_leaves_the_only_score(container):
    assert pitches({"META-INF/container.xml": container, "a.xml": C, "notes.txt": "x"}) == [60]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_the_container_and_the_score_may_be_in_any_encoding(encoding):
    container = f'<?xml version="1.0" encoding="UTF-16"?>{named("b/é.xml")}'.encode(encoding)
    assert pitches({"META-INF/container.xml": container, "a.xml": C, "b/é.xml": D.encode(encoding)}) == [62]


@pytest.mark.parametrize(
    "path",
    ["b/It's a score.xml", "b\\It's a score.xml", "./b/It's a score.xml", "/b/It's a score.xml", "B/IT'S A SCORE.XML",
     "b/It%27s%20a%20score.xml", "b/It&apos;s a score.xml", " b/It's a score.xml "],
)  # fmt: skip
def test_a_name_that_is_spelled_otherwise_is_found(path):
    assert pitches({"META-INF/container.xml": named(path), "a.xml": C, "b/It's a score.xml": D}) == [62]


@pytest.mark.parametrize("name", ["META-INF/container.xml", "meta-inf/Container.XML", "META-INF\\container.xml"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_an_apostrophe_in_a_name_may_break_the_container(name, quote):
    container = named("b/Ain't it.xml").replace('"', quote)
    assert pitches({name: container, "a.xml": C, "b/Ain't it.xml": D}) == [62]


def test_a_container_may_name_other_files_first():
    container = (
        '<container><rootfiles><rootfile full-path="a.pdf" media-type="application/pdf"/>'
        '<rootfile full-path="m.xml"/>'
        '<rootfile media-type="application/vnd.recordare.musicxml+xml" full-path="b.score"/></rootfiles></container>'
    )
    assert pitches(
        {"META-INF/container.xml": container, "a.pdf": "x", "m.xml": METADATA, "b.score": D, "c.xml": C}
    ) == [62]


def test_without_a_container_the_scores_that_lie_least_deep_are_read():
    assert pitches({"__MACOSX/._a.xml": "\0\5", "._a.xml": "\0\5", ".DS_Store": "x", "a.musicxml": C}) == [60]
    assert pitches({"deep/er/a.xml": C, "metadata.xml": METADATA}) == [60]
    assert pitches({"parts/flute.xml": C, "whole.xml": D}) == [62]
    assert pitches({"1.xml": C, "2.xml": D}) == [60, 62]
    assert pitches({"META-INF/container.xml": named("none.xml"), "1.XML": C, "2.MUSICXML": D}) == [60, 62]
    pieces, _ = scan_content(packed({"1.xml": C, "2.xml": D}), "song.mxl")
    assert [piece.source for piece in pieces] == ["song.mxl#1", "song.mxl#2"]


@pytest.mark.parametrize("container", ["", named("else.mscx"), named("b\\SONG.mscx"), named("b/it's.mscx")[:-9]])
def test_a_compressed_musescore_file_opens_whatever_its_container_is_like(container):
    score = (
        '<museScore version="3.01"><Score><Part><Staff id="1"/></Part><Staff id="1"><Measure><voice><Chord>'
        "<durationType>whole</durationType><Note><pitch>62</pitch></Note></Chord></voice></Measure></Staff></Score>"
        "</museScore>"
    )
    files = {
        "META-INF/container.xml": container,
        "b/song.mscx": score,
        "b/Excerpts/flute.mscx": score,
        "b/x.png": "x",
    }
    (piece,), _ = scan_content(packed(files), "song.mscz")
    assert [note.pitch for note in piece.parts[0].notes] == [62]

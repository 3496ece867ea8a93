"""Music files are read and written by suffix; a file that cannot be is refused in one line."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music import Melody, MusicFileError, Note, Timeline, read, readable, write
from ritornello.music.files import SUFFIXES, detect, scan_content
from ritornello.music.values import Key, Metre

MIDI = midi_file(track((0, on(60)), (480, off(60))))
HTML = b"\n<!DOCTYPE html>\n<html><head><title>tune.mid</title></head></html>"
KERN = b"!!!OTL: Air\n**kern\n*M4/4\n*k[]\n=1\n4c\n4d\n2e\n==\n*-\n"
ABC = b"X:1\nT:Air\nM:4/4\nL:1/4\nK:C\nCDE2|\n"
XML = (
    b'<?xml version="1.0"?><score-partwise><part-list><score-part id="P1"><part-name>A</part-name></score-part>'
    b'</part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats>'
    b"<beat-type>4</beat-type></time></attributes><note><pitch><step>C</step><octave>4</octave></pitch>"
    b"<duration>4</duration><type>whole</type></note></measure></part></score-partwise>"
)


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "pitches"),
    [
        ("a.mid", MIDI, [60]),
        ("a.MIDI", MIDI, [60]),
        ("a.kar", MIDI, [60]),
        ("a.krn", KERN, [60, 62, 64]),
        ("a.kern", KERN, [60, 62, 64]),
        ("a.abc", ABC, [60, 62, 64]),
        ("a.xml", XML, [60]),
        ("a.musicxml", b"\xef\xbb\xbf" + XML, [60]),
        ("a.musicxml", XML.decode().encode("utf-16"), [60]),
    ],
)
def test_every_suffix_is_read(tmp_path, name, content, pitches):
    path = put(tmp_path, name, content)
    (piece,) = read(path)
    assert [n.pitch for n in piece.parts[0].notes] == pitches
    assert piece.source == str(path)


def test_readable_looks_at_the_suffix_alone():
    assert readable("no/such/file.MXL")
    assert not readable("notes.txt")
    assert {".mid", ".midi", ".kar", ".rmi", ".musicxml", ".xml", ".mxl", ".krn", ".kern", ".mei"} <= set(SUFFIXES)
    assert {".abc", ".mscx", ".mscz"} <= set(SUFFIXES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mid", b"", "the file is empty: fetch or save it again"),
        ("a.mid", HTML, "this is an HTML page, not a MIDI file: download the file itself"),
        ("a.mxl", HTML, "this is an HTML page, not a compressed MusicXML file"),
        ("a.abc", HTML, "this is an HTML page, not an ABC file"),
        ("a.mid", XML, "this is a MusicXML file, not a MIDI file: rename it to a.musicxml"),
        ("a.xml", MIDI, "this is a MIDI file, not a MusicXML file: rename it to a.mid"),
        ("a.krn", ABC, "this is an ABC file, not a kern file: rename it to a.abc"),
        ("a.abc", KERN, "this is a kern file, not an ABC file: rename it to a.krn"),
        ("a.xml", b"<a/>", "this is XML of another kind, not a MusicXML file: export the score again, or leave"),
        ("a.musicxml", b"<?xml version='1.0'?><!-- x --><svg xmlns='s'/>", "XML of another kind"),
        ("a.mid", b"\x7fELF\x02\x01", "not a MIDI file: it begins with '\\x7fELF"),
        ("a.mid", MIDI[:-4], "cut short"),
        ("a.mid", midi_file(track()), "no notes"),
        ("a.mxl", b"PK\x03\x04nonsense", "not a compressed MusicXML file"),
        ("a.txt", MIDI, ".txt is not a suffix of a music file"),
        ("a", MIDI, "no suffix is not a suffix"),
        ("a.mei", b"<mml", "not an MEI file"),
        ("a.musicxml", XML[:-60], "broken or cut short XML"),
        ("a.krn", b"**kern\n*-\n", "no bars of music|no notes"),
    ],
)
def test_what_cannot_be_read_gets_one_line_that_begins_with_the_path(tmp_path, name, content, message):
    path = put(tmp_path, name, content)
    with pytest.raises(MusicFileError) as caught:
        read(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert any(m in line for m in message.split("|"))
    assert "\n" not in line


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(MusicFileError, match="no such file: check the name"):
        read(tmp_path / "gone.mid")
    with pytest.raises(MusicFileError, match="this is a folder"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["n" * 300 + ".mid", "nul\0.mid"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(MusicFileError, match="cannot be opened"):
        read(tmp_path / name)


def test_an_unknown_way_with_repeats_is_refused(tmp_path):
    with pytest.raises(ValueError, match='"unfold" or "written"'):
        read(put(tmp_path, "a.mid", MIDI), repeats="twice")


def test_kinds_are_detected_by_content(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.mscz", "w") as archive:
        archive.writestr("song.mscx", "<museScore/>")
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr("score.xml", XML)
    assert detect((tmp_path / "a.mscz").read_bytes()) == "mscz"
    assert detect((tmp_path / "a.mxl").read_bytes()) == "mxl"
    assert detect(b'<?xml version="1.0"?>\n<!-- <html> -->\n<museScore version="3.01">') == "mscx"
    assert detect(b'<mei xmlns="http://www.music-encoding.org/ns/mei">') == "mei"
    assert detect(b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">') == "html"
    assert detect(b"<plist/>") == "xml"
    assert detect(b"<!-- no element -->") == detect(b"< 3") == detect(gzip.compress(MIDI)) == ""


@pytest.mark.parametrize(
    "names",
    [
        ["a.mid"],
        ["a.musicxml", "b.musicxml"],
        ["a.mscx", "b.mscx"],
        ["song.xml", "song.mid"],
        ["song.mscz", "score.xml"],
        ["a.txt"],
    ],
)
def test_an_archive_of_files_is_no_compressed_score(tmp_path, names):
    with zipfile.ZipFile(tmp_path / "songs.mid", "w") as archive:
        for name in names:
            archive.writestr(f"my songs/{name}", XML)
    assert detect((tmp_path / "songs.mid").read_bytes()) == "zip"
    with pytest.raises(
        MusicFileError, match=r"this is a zip archive, not a MIDI file: unpack it, or rename it to songs\.zip"
    ):
        read(tmp_path / "songs.mid")
    with zipfile.ZipFile(tmp_path / "songs.mid", "a") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    kind = "mscz" if "a.mscx" in names else "mxl"
    assert detect((tmp_path / "songs.mid").read_bytes()) == kind


TUNE = Melody(
    (
        Note(240, 240, 67),
        Note(480, 480, 72),
        Note(960, 160, 74),
        Note(1120, 160, 76),
        Note(1280, 160, 77),
        Note(1920, 960, 72),
    ),
    Timeline(480, 3840, (Metre(0, 3, 4), Metre(480, 3, 4), Metre(1920, 4, 4)), (Key(0, -3), Key(1920, 1))),
    title="Air",
)


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".xml", ".abc"])
def test_a_melody_written_is_read_back_with_the_same_notes(tmp_path, suffix):
    path = tmp_path / f"tune{suffix}"
    write(TUNE, path)
    (piece,) = read(path)
    resolution = piece.timeline.ticks_per_quarter
    seen = [(n.start / resolution, n.duration / resolution, n.pitch) for n in piece.parts[0].notes]
    assert seen == [(n.start / 480, n.duration / 480, n.pitch) for n in TUNE.notes]
    assert piece.title == "Air"


def test_a_suffix_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(MusicFileError, match=r"tune\.krn: cannot write \.krn: use one of \.mid"):
        write(TUNE, tmp_path / "tune.krn")
    assert list(tmp_path.iterdir()) == []


def test_a_melody_that_the_format_cannot_hold_leaves_the_old_file(tmp_path):
    path = put(tmp_path, "tune.mid", b"old")
    with pytest.raises(MusicFileError, match="MIDI cannot express the metre 4/3"):
        write(Melody((), Timeline(metres=(Metre(0, 4, 3),))), path)
    assert path.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    put(tmp_path, "file", b"")
    with pytest.raises(MusicFileError, match=r"cannot be written .*; choose"):
        write(TUNE, tmp_path / "file" / "tune.mid")


def test_the_room_offers_its_names_without_loading_parsers():
    import subprocess

    code = (
        "import sys, ritornello.music as m; "
        "assert not {'symusic', 'verovio', 'numpy', 'zipfile'} & set(sys.modules), sys.modules.keys(); "
        "assert all(hasattr(m, n) for n in m.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bars_with_notes_that_no_repeat_sign_reaches_are_a_remark():
    bar = (
        '<measure number="{n}">{head}<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration>'
        "<type>whole</type></note>{end}</measure>"
    )
    head = "<attributes><divisions>1</divisions></attributes>"
    jump = "<direction><direction-type><words>D.C. al Fine</words></direction-type></direction>"
    bars = [bar.format(n=n, head=head if n == 1 else "", end=jump if n == 3 else "") for n in range(1, 5)]
    bars[0] = bars[0].replace("</measure>", '<sound tocoda="coda"/></measure>')
    bars[1] = bars[1].replace("</measure>", '<sound fine="yes"/></measure>')
    bars[3] = bars[3].replace("</measure>", '<sound coda="coda"/></measure>')
    content = f'<score-partwise><part-list><score-part id="P"/></part-list><part id="P">{"".join(bars)}</part>'
    content += "</score-partwise>"
    (piece,), remarks = scan_content(content.encode(), "song.musicxml")
    assert len(piece.parts[0].notes) == 5
    assert remarks == [("unplayed_bars", "bars with notes that its repeat signs never reach (1): 4")]
    assert scan_content(content.encode(), "song.musicxml", "written")[1] == []

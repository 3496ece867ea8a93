"""Bad input: one clear line that names the place and the remedy, status 1 or 2, nothing half-written.

Every case runs through the command; the folder it runs in must look the same before and after, but for the
report of a build that kept nothing.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ritornello
from ritornello.atomic import RECORD

SOURCE = Path(ritornello.__file__).parents[1]
HYMNS = Path(__file__).parent / "fixtures/hymns"
HYMN = "Away_In_A_Manger-Mueller.abc"


def midi(*tracks: bytes) -> bytes:
    """A MIDI file of format 1 with 480 ticks in a quarter."""
    header = b"MThd\x00\x00\x00\x06\x00\x01" + len(tracks).to_bytes(2, "big") + b"\x01\xe0"
    return header + b"".join(b"MTrk" + len(t).to_bytes(4, "big") + t for t in tracks)


END = b"\x00\xff\x2f\x00"
TUNE = b"".join(b"\x00\x90%c\x60\x83\x60\x80%c\x00" % (pitch, pitch) for pitch in (60, 62, 64, 65, 67)) + END
DRUMS = b"".join(b"\x00\x99\x26\x60\x83\x60\x89\x26\x00" for _ in range(8)) + END
PAGE = b"<!DOCTYPE html>\n<html><head><title>Download</title></head><body>Not here</body></html>\n"

FILES = {
    "good.mid": midi(TUNE),
    "text.mid": b"Dear friend, here is the tune you asked for.\n",
    "page.mid": PAGE,
    "silent.mid": midi(b"\x00\xc0\x01" + END),
    "cut.mid": midi(TUNE)[:40],
    "header.mid": midi(TUNE)[:11],
    "drums.mid": midi(DRUMS),
    "zero.mid": b"",
    "tune.docx": b"PK\x03\x04 not music",
}


def listing(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below, with the bytes of files."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


@pytest.fixture
def here(tmp_path, monkeypatch, little_model, hymn_corpus) -> Path:
    """A folder to run in, with good and bad files, a corpus, a run and damaged models."""
    from safetensors.numpy import save_file

    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "empty").mkdir()
    shutil.copytree(little_model, tmp_path / "run")
    shutil.copytree(hymn_corpus, tmp_path / "corpus")
    shutil.copy(HYMNS / HYMN, tmp_path / "hymn.abc")
    content = (little_model / "model.safetensors").read_bytes()
    for name, place in (("weights", len(content) - 5), ("header", content.index(b"layers") + 2), ("length", 1)):
        flipped = bytearray(content)
        flipped[place] ^= 1
        (tmp_path / f"flipped-{name}.safetensors").write_bytes(flipped)
    (tmp_path / "cut.safetensors").write_bytes(content[:-100])
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x04cos\nsystem\n")
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "list.safetensors", {"ritornello": "[]"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


# words of the command | what the line says: the place, then the remedy
CASES = """
corpus build missing.mid -o out            | missing.mid: no such file or folder | check the name
corpus build empty -o out                  | empty: no files there | name a folder with
corpus build page.mid -o out               | page.mid: wrong_kind (this is an HTML page | download the file itself
corpus build text.mid -o out               | text.mid: unreadable (not a MIDI file | export it again
corpus build silent.mid -o out             | silent.mid: no_notes | export it again with the notes
corpus build cut.mid -o out                | cut.mid: unreadable (cut short | fetch or copy the file again
corpus build header.mid -o out             | header.mid: unreadable | export it again
corpus build drums.mid -o out              | drums.mid: drums_only | add a part with pitches
corpus build zero.mid -o out               | zero.mid: empty_file | copy or export it again
corpus build tune.docx -o out              | tune.docx: not_music | give it one of the endings
corpus build -o out                        | name at least one file or folder | to build from
corpus build good.mid                      | --out | try --help
corpus build good.mid -o run               | run: the folder holds something that is not a corpus | choose a new
corpus build good.mid -o hymn.abc          | hymn.abc: a file is in the way | choose another name
corpus build good.mid -o hymn.abc/corpus   | hymn.abc/corpus: cannot be written | choose another place
corpus build good.mid -o /proc/corpus      | /proc/corpus: cannot be written | choose a place
corpus build good.mid -o out --split third | split must be "hash" or "last:SHARE" | between 0 and 1
corpus build good.mid -o out --repeats no  | --repeats | Choose from
corpus show missing                        | missing: no such corpus | ritornello corpus build
corpus show good.mid                       | good.mid: a corpus is a folder | ritornello corpus build
corpus show corpus --picture /proc/x.svg   | /proc/x.svg: cannot be written | choose a place
corpus show corpus --picture x.bmp         | x.bmp: the picture is an SVG | name it .svg
train missing -o out                       | missing: no such corpus | ritornello corpus build
train empty -o out                         | empty: no files there | name a folder with
train drums.mid -o out                     | drums.mid: drums_only | add a part with pitches
train corpus -o hymn.abc                   | hymn.abc: cannot be written | choose another place
train corpus -o /proc/run                  | /proc/run: cannot be written | choose a place
train corpus -o out --updates 0            | updates must be | 1 or more, not 0
train corpus -o out --updates 2 --minutes 1 | updates and minutes exclude each other | give how many
train corpus -o out --streams 100000000    | streams must be | 1 to 4096, not 100000000
train corpus -o out --bptt-steps 100000000 | bptt_steps must be | 2 to 4096, not 100000000
train corpus -o out --minutes nan          | minutes must be | above 0
train corpus -o out --seed -1              | seed must be | 0 or more
train corpus -o out --preset huge          | no such preset: 'huge' | large, lstm, performance, tiny
train corpus -o out --encoding runes       | no such encoding: 'runes' | there are grid
generate run                               | --out | try --help
generate missing -o out                    | missing: no such model | give a model file, a run folder
generate empty -o out                      | empty: no model.safetensors | give a run folder
generate good.mid -o out                   | good.mid: not a model file | train it again or copy it
generate pickle.pt -o out                  | pickle.pt: not a model file | train it again or copy it
generate other.safetensors -o out          | other.safetensors: a .safetensors file of another program | ritornello
generate list.safetensors -o out           | list.safetensors: not a model for this | train it again
generate cut.safetensors -o out            | cut.safetensors: not a model file, or a damaged one | copy it anew
generate flipped-weights.safetensors -o out | flipped-weights.safetensors: damaged | copy or train it again
generate flipped-header.safetensors -o out | flipped-header.safetensors: | again
generate flipped-length.safetensors -o out | flipped-length.safetensors: not a model file, or a damaged | copy it anew
generate run -o hymn.abc                   | hymn.abc: cannot be written | choose another place
generate run -o /proc/tunes                | /proc/tunes: cannot be written | choose a place
generate run -o out --bars 0               | bars must be | 1 to 512, not 0
generate run -o out --bars 1000            | bars must be | 1 to 512, not 1000
generate run -o out -n 0                   | -n must be | 1 or more, not 0
generate run -o out --primer C12           | 'C12' is outside the vocabulary | C-1 (0) to G9 (127)
generate run -o out --primer X4            | not a note: 'X4' | write a letter
generate run -o out --primer missing.mid   | missing.mid: no such file | check the name
generate run -o out --primer drums.mid     | drums.mid: only percussion | choose a piece
generate run -o out --primer empty         | empty: this is a folder, not a primer | name a music file in it
generate run -o out --primer page.mid      | page.mid: this is an HTML page | download the file itself
generate run -o out --primer C4:64 --bars 4 | the primer fills | ask for at least
generate run -o out --key H                | no such key: 'H' | as in G, Bb, F#m
generate run -o out --metre 7/13           | no such metre: '7/13' | choose 1 to 16
generate run -o out --metre x --primer C4  | not a metre: 'x' | as in 3/4
generate run -o out --range C5-C4          | the range must lie in | 4 semitones or more
generate run -o out --temperature 11       | temperature must be | 0 to 10
generate run -o out --top-p 0              | top_p must be | above 0
generate run -o out --seed -1              | seed must be | 0 to 2^63
generate run -o out --bogus                | there is no option --bogus | try --help
evaluate run missing                       | missing: no such corpus | ritornello corpus build
evaluate run silent.mid                    | silent.mid: no_notes | export it again with the notes
evaluate missing corpus                    | missing: no such model | give a model file
evaluate run corpus --split best           | --split | Choose from
render missing.mid -o out.svg              | missing.mid: no such file | check the name
render page.mid -o out.svg                 | page.mid: this is an HTML page | download the file itself
render cut.mid -o out.svg                  | cut.mid: cut short | fetch the file again
render silent.mid -o out.svg               | silent.mid: no notes | export it again
render drums.mid -o out.svg                | drums.mid: only percussion | choose a piece
render drums.mid -o out.wav                | drums.mid: percussion only | give a sound font
render good.mid -o out.docx                | out.docx: cannot render to .docx | choose .mid
render good.mid -o hymn.abc/out.mid        | hymn.abc/out.mid: cannot be written | choose another place
render good.mid -o hymn.abc/out.wav        | hymn.abc/out.wav: cannot be written | choose another place
render good.mid -o /proc/out.svg           | /proc/out.svg: cannot be written | choose a place
demo -o hymn.abc                           | hymn.abc: cannot be written | choose another place
demo -o out --minutes 0                    | minutes must be | above 0
compose                                    | Unknown command "compose" | Available commands
corpus forget                              | Unknown command "forget" | Available commands
"""
ROWS = [[part.strip() for part in line.split("|")] for line in CASES.strip().splitlines()]


@pytest.mark.parametrize(("words", "place", "remedy"), ROWS, ids=[row[0] for row in ROWS])
def test_one_line_says_where_and_what_to_do_and_nothing_is_written(here, command, words, place, remedy):
    before = listing(here)
    status, _, err = command(*words.split())
    assert status in (1, 2)
    assert err.startswith("ritornello: ")
    assert err.count("\n") == 1
    assert place in err
    assert remedy in err[err.index(place) + len(place) - 1 :]
    report = here / "out" / "report.jsonl"
    if report.is_file():  # a build that keeps nothing leaves its report alone
        report.unlink()
        (here / "out" / ".ritornello.json").unlink()
        report.parent.rmdir()
    assert listing(here) == before


def test_bad_usage_is_told_from_failure(here, command):
    assert command("generate", "run", "-o", "out", "--bogus").status == 2
    assert command("generate", "missing", "-o", "out").status == 1


def test_every_single_flipped_bit_of_a_model_is_noticed(here, command):
    content = (here / "run/model.safetensors").read_bytes()
    for place in np.random.default_rng(1).integers(0, 8 * len(content), 60).tolist():
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        (here / "flipped.safetensors").write_bytes(flipped)
        status, _, err = command("generate", "flipped.safetensors", "-o", "out")
        assert (status, err.count("\n")) == (1, 1), place
        assert err.startswith("ritornello: flipped.safetensors: "), place
    assert not (here / "out").exists()


def test_a_damaged_corpus_is_noticed(here, command):
    notes = bytearray((here / "corpus/notes.npy").read_bytes())
    notes[-9] ^= 1
    (here / "corpus/notes.npy").write_bytes(notes)
    for words in (["corpus", "show", "corpus"], ["evaluate", "run", "corpus"], ["train", "corpus", "-o", "out"]):
        status, _, err = command(*words)
        assert status == 1
        assert err.startswith("ritornello: corpus: the corpus is damaged")
        assert "build it again" in err


def test_good_files_beside_bad_ones_are_kept(here, command):
    bad = [name for name in FILES if name != "good.mid"]
    status, out, err = command("corpus", "build", *bad, "good.mid", "-o", "out")
    assert (status, err) == (0, "")
    assert "out: kept 1 of 9 files" in out
    assert sum(line.startswith("dropped") for line in out.splitlines()) == len(bad)


@pytest.fixture
def full_disk(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """A function that runs a command where no file may grow beyond a kilobyte: what a full disk does to a writer."""
    code = (
        "import resource, signal, sys\n"
        "from ritornello.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))\n"
        "raise SystemExit(main(sys.argv[1:]))\n"
    )

    def run(*words: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


WRITERS = [
    "corpus build good.mid hymn.abc -o out",
    "corpus build hymn.abc -o corpus",
    "corpus show corpus --picture out.svg",
    "train corpus -o out --updates 1 --preset tiny --threads 1",
    "train corpus -o run --updates 1 --preset tiny --threads 1 --replace",
    "generate run -o out --bars 64 --seed 1",
    "render good.mid -o out.wav",
    "render good.mid -o good.svg --replace",
    "render good.mid -o good.html --replace",
    "render hymn.abc -o good.musicxml --replace",
]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
@pytest.mark.parametrize("words", WRITERS)
def test_a_file_that_finds_no_room_leaves_the_old_one_and_no_piece_of_the_new(here, full_disk, words):
    (here / "good.svg").write_text("a picture of mine")
    (here / "good.html").write_text("a page of mine")
    (here / "good.musicxml").write_text("a score of mine")
    before = listing(here)
    done = full_disk(*words.split())
    assert done.returncode == 1
    assert done.stderr.startswith("ritornello: ")
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr
    assert "; choose" in done.stderr
    after = listing(here)
    after.pop("out", None)  # an empty folder may be left
    assert after == before


@pytest.fixture
def small_disk(here):
    """A disk of 64 kB at `small`, of which 8 are free."""
    small = here / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is refused here")  # the limit on file sizes above stands in for it
    (small / "filling").write_bytes(bytes(56 * 1024))
    yield small
    subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize(
    "words",
    [
        "corpus build corpus-source -o small/out",
        "train corpus -o small --updates 1 --preset tiny --threads 1",
        "generate run -o small -n 8 --bars 32 --seed 1",
        "render good.mid -o small/out.wav",
        "render hymn.abc -o small/out.svg",
    ],
)
def test_a_full_disk_is_said_and_holds_nothing_half_written(here, command, small_disk, words):
    shutil.copytree(HYMNS, here / "corpus-source")
    status, _, err = command(*words.split())
    assert status == 1
    assert err.startswith("ritornello: small")
    assert "No space left on device" in err
    assert "free some space" in err
    assert err.count("\n") == 1
    # a small file that found room is whole; none is a temporary one
    left = {p.name: p.stat().st_size for p in small_disk.rglob("*") if p.name not in ("filling", RECORD)}
    assert not [name for name in left if name.startswith(".")]
    assert {Path(name).suffix for name in left} <= {".mid", ".jsonl"}

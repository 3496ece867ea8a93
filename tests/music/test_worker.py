"""Other people's files are read in a worker; whatever they do to it, the parent gets one line."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music import MusicFileError, Note, UntrustedReader, read, read_untrusted
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.values import Key, Metre, Part, Piece, Tempo, Timeline

MIDI = midi_file(
    track(
        (0, b"\xff\x03\x04Lead"),
        (0, b"\xff\x58\x04\x03\x02\x18\x08"),
        (0, on(60)),
        (480, off(60)),
        (3, on(64)),
        (477, off(64)),
    ),
    track((0, on(36, channel=9)), (240, off(36, 9))),
)
KERN = b"**kern\n*M3/4\n*k[b-]\n4f\n=1\n4.a\n8g\n4f\n==\n*-\n"


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.mid"
    path.write_bytes(MIDI)
    return path


def stand_in(code: str) -> list[str]:
    """A worker that answers the first request, which it reads whole, with code of ours."""
    start = (
        "import os, struct, sys, time; "
        "i, o = sys.stdin.buffer, sys.stdout.buffer; "
        "send = lambda m: (o.write(struct.pack('>I', len(m)) + m), o.flush()); "
        "i.read(struct.unpack('>I', i.read(4))[0]); send(b'ready'); "
    )
    return [sys.executable, "-c", start + code]


def test_the_worker_reads_what_read_reads(tmp_path, song):
    score = tmp_path / "air.krn"
    score.write_bytes(KERN)
    assert read_untrusted(song) == read(song)
    assert read_untrusted(score, repeats="written") == read(score, repeats="written")


def test_one_worker_serves_many_files_and_a_bad_one_between_them(tmp_path, song):
    (tmp_path / "bad.mid").write_bytes(MIDI[:-3])
    with UntrustedReader() as reader:
        reader.read(song)
        process = reader._worker.process
        with pytest.raises(MusicFileError, match=r"bad\.mid: cut short"):
            reader.read(tmp_path / "bad.mid")
        with pytest.raises(MusicFileError, match=r"gone\.mid: no such file"):
            reader.read(tmp_path / "gone.mid")
        assert reader.read(song)[0].parts[0].notes == (Note(0, 480, 60), Note(483, 477, 64))
        assert reader._worker.process is process
    assert process.poll() is not None  # ended, and waited for


def test_a_relative_path_means_the_parents_folder_of_the_moment(song, monkeypatch):
    with UntrustedReader() as reader:
        with pytest.raises(MusicFileError):
            reader.read("song.mid")
        monkeypatch.chdir(song.parent)
        assert reader.read("song.mid")[0].source == "song.mid"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os._exit(3)", "crashed"),
        ("os.abort()", "crashed"),
        ("time.sleep(60)", "gave up reading it after 0.5 s"),
        ("send(b'not json')", "no valid answer"),
        ("send(b'[1, 2]')", "no valid answer"),
        ("send(b'[' * 100000)", "no valid answer"),
        ('send(b\'{"pieces": [{"parts": 3}]}\')', "impossible answer"),
        ("o.write(b'\\xff' * 4); o.flush(); time.sleep(60)", "no valid answer"),
        ("o.write(b'\\0\\0\\0\\x09short'); o.flush()", "crashed"),
    ],
)
def test_a_worker_gone_wrong_costs_one_line_and_leaves_no_process(song, code, message):
    with UntrustedReader(timeout_seconds=0.5, command=stand_in(code)) as reader:
        with pytest.raises(MusicFileError) as caught:
            reader.read(song)
        assert reader._worker is None
    line = str(caught.value)
    assert line.startswith(f"{song}: ")
    assert "\n" not in line
    assert any(m in line for m in message.split("|"))


def test_after_a_hang_the_next_file_gets_a_new_worker(tmp_path, song):
    real = [sys.executable, "-P", "-m", "ritornello.music.worker"]
    with UntrustedReader(timeout_seconds=0.5, command=stand_in("time.sleep(60)")) as reader:
        with pytest.raises(MusicFileError, match="gave up"):
            reader.read(song)
        reader._command, reader.timeout_seconds = real, 60
        assert reader.read(song) == read(song)


def test_a_worker_killed_between_two_files_is_replaced(song):
    with UntrustedReader() as reader:
        reader.read(song)
        reader._worker.process.kill()
        reader._worker.process.wait()
        assert reader.read(song) == read(song)


def main_with(code: str) -> list[str]:
    """The real worker, with code of ours in it that may put something in the place of `worker.read`."""
    return [
        sys.executable,
        "-c",
        f"import os, sys; from ritornello.music import worker; real = worker.read\n{code}\n"
        "worker.read = read; worker.main(sys.argv[1:])",
    ]


def test_a_worker_that_an_earlier_file_may_have_harmed_is_doubted_once(song):
    """It dies on every second file: the file is given to a fresh worker, which reads it."""
    code = "count = [0]\ndef read(*a):\n count[0] += 1\n return real(*a) if count[0] < 2 else os._exit(3)"
    with UntrustedReader(command=main_with(code)) as reader:
        assert [reader.read(song) for _ in range(5)] == [read(song)] * 5


def test_a_file_that_brings_down_a_fresh_worker_too_is_refused_and_the_next_one_read(tmp_path, song):
    bad = tmp_path / "bad.mid"
    bad.write_bytes(MIDI)
    code = "def read(path, *a):\n return os._exit(3) if path.endswith('bad.mid') else real(path, *a)"
    with UntrustedReader(command=main_with(code)) as reader:
        for _ in range(2):
            assert reader.read(song) == read(song)
            with pytest.raises(MusicFileError, match=r"bad\.mid: its reader crashed \(status 3\)"):
                reader.read(bad)


def test_an_answer_too_long_to_be_taken_in_is_refused_by_either_side(song):
    """An honest worker says so; from one that is not, no more than the head of the message is read."""
    swollen = "from dataclasses import replace\ndef read(*a):\n return [replace(real(*a)[0], title='x' * 40_000_000)]"
    with (
        UntrustedReader(command=main_with(swollen)) as reader,
        pytest.raises(MusicFileError, match="more notes than"),
    ):
        reader.read(song)
    lying = "o.write(struct.pack('>I', 200 * 2**20)); o.flush(); time.sleep(60)"
    with UntrustedReader(command=stand_in(lying)) as reader, pytest.raises(MusicFileError, match="no valid answer"):
        reader.read(song)


def test_what_a_file_puts_into_a_message_cannot_steer_the_terminal(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nK:H\x1b[2J\x07\u202e" + "x" * 5000 + "\nabc\n")
    with pytest.raises(MusicFileError) as caught:
        read_untrusted(book)
    line = str(caught.value)
    assert line.startswith(f"{book}, line 2: ")
    assert "\\x1b[2J\\x07\\u202ex" in line
    assert line.isprintable()
    assert len(line) < len(str(book)) + 600


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes names that are no text")
def test_a_name_that_is_not_utf8_reaches_the_worker_and_comes_back(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xe9t\xe9"
    os.mkdir(folder)
    path = Path(os.fsdecode(folder + b"/\xff.mid"))
    path.write_bytes(MIDI)
    (piece,) = read_untrusted(path)
    assert os.fsencode(piece.source) == os.fsencode(path)
    path.write_bytes(MIDI[:-3])
    with pytest.raises(MusicFileError) as caught:
        read_untrusted(path)
    assert str(caught.value).startswith(f"{path}: cut short")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the worker's memory")
def test_where_less_memory_is_allowed_than_asked_for_the_worker_makes_do(song):
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\nread = real"
    with UntrustedReader(memory_mb=4096, command=main_with(code)) as reader:
        assert reader.read(song) == read(song)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the worker's memory")
def test_a_file_that_swells_meets_the_memory_limit(tmp_path):
    bomb = tmp_path / "bomb.mxl"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        note = b"<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
        archive.writestr(
            "score.xml", b"<score-partwise><part><measure>" + note * 500_000 + b"</measure></part></score-partwise>"
        )
    assert bomb.stat().st_size < 200_000
    with pytest.raises(MusicFileError, match=r"needs more than 256 MB|crashed|stopped"):
        read_untrusted(bomb, memory_mb=256, timeout_seconds=60)


def test_limits_must_be_positive():
    with pytest.raises(ValueError, match="more than 0"):
        UntrustedReader(timeout_seconds=0)


def test_what_native_code_prints_cannot_be_taken_for_an_answer(song):
    code = (
        "import os, sys; from ritornello.music import worker; true_read = worker.read\n"
        "def noisy(*a):\n os.write(1, b'noise' * 100)\n return true_read(*a)\n"
        "worker.read = noisy; worker.main(sys.argv[1:])"
    )
    with UntrustedReader(command=[sys.executable, "-c", code]) as reader:
        assert reader.read(song) == read(song)


def test_a_module_in_the_current_folder_is_not_run_by_the_worker(song, monkeypatch):
    (song.parent / "json.py").write_text("raise SystemExit('run by mistake')")
    monkeypatch.chdir(song.parent)
    assert read_untrusted("song.mid")[0].parts[0].name == "Lead"


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A copy with bytes changed, and in one of two also bytes cut out or doubled, or its end cut off."""
    data = bytearray(content)
    ways = chance.choice((2, 5))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        match chance.randrange(ways):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                data[place] = chance.choice((0, 0x7F, 0x80, 0xFF))
            case 2:
                del data[place : place + chance.randint(1, 8)]
            case 3:
                data[place:place] = data[place : place + chance.randint(1, 30)]
            case 4 if len(data) > 40 and chance.random() < 0.3:
                del data[place:]
        if not data:
            return b"M"
    return bytes(data)


def _outcome(reader: UntrustedReader, path: Path) -> str | None:
    """None where the file was read, else the line that refuses it."""
    try:
        pieces = reader.read(path)
    except MusicFileError as error:
        return str(error)
    return None if pieces and all(p.parts for p in pieces) else "read, and nothing in it"


def test_three_hundred_damaged_files_are_read_or_refused(tmp_path):
    """Seeded mutations of a MIDI file, a kern score and a MusicXML score; not one may reach the parent."""
    from test_files import XML

    chance = random.Random(20)
    read_or_refused = 0
    with UntrustedReader(timeout_seconds=20) as reader:
        for suffix, content, count in ((".mid", MIDI, 180), (".krn", KERN, 60), (".musicxml", XML, 60)):
            for number in range(count):
                path = tmp_path / f"{number}{suffix}"
                path.write_bytes(mutated(content, chance))
                outcome = _outcome(reader, path)
                assert outcome is None or (outcome.startswith(f"{path}: ") and "\n" not in outcome)
                read_or_refused += 1
    assert read_or_refused == 300


PIECE = Piece(
    (Part((Note(0, 10, 60), Note(5, 10, 64, 1)), "voice", 52, False, 2), Part((Note(0, 1, 36),), is_drum=True)),
    Timeline(96, 400, (Metre(0, 3, 4), Metre(96, 3, 4)), (Key(0, -7, "minor"),), (Tempo(0, 92.5),)),
    "Title",
    "Composer",
    "a.mid#2",
)


def test_pieces_survive_the_exchange():
    assert pieces_from_json(json.loads(json.dumps(pieces_to_json([PIECE])))) == [PIECE]


def _spoilt(**changes) -> list[dict]:
    (data,) = json.loads(json.dumps(pieces_to_json([PIECE])))
    timeline = data["timeline"]
    for name, value in changes.items():
        (timeline if name in timeline else data)[name] = value
    return [data]


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        [None],
        _spoilt(title=3),
        _spoilt(title="x" * 200_000),
        _spoilt(parts=[["a", 0, False, 0, [0, 1, 2]]]),
        _spoilt(parts=[["a", 0, False, 0, [0, 1, 200, 80]]]),
        _spoilt(parts=[["a", 0, False, 0, [0, 0, 60, 80]]]),
        _spoilt(parts=[["a", 0, False, 0, [0, True, 60, 80]]]),
        _spoilt(parts=[["a", 0, False, 0, [0.5, 1, 60, 80]]]),
        _spoilt(parts=[["a", 500, False, 0, []]]),
        _spoilt(ticks_per_quarter=0),
        _spoilt(length=10**12),
        _spoilt(length=10**30),
        _spoilt(metres=[]),
        _spoilt(metres=[[0, 4]]),
        _spoilt(metres=[[0, 0, 4]]),
        _spoilt(metres=[[0, 1, 10**9]]),
        _spoilt(keys=[[0, 9, "major"]]),
        _spoilt(keys=[[0, 1, "blue"]]),
        _spoilt(tempos=[[0, float("inf")]]),
        _spoilt(tempos=[[0, -1]]),
        _spoilt(tempos="fast"),
    ],
)
def test_an_answer_that_no_honest_worker_gives_is_refused(data):
    with pytest.raises(ValueError):
        pieces_from_json(data)


def test_the_worker_ends_with_its_input(song):
    """A parent that dies closes the pipe; the worker then ends by itself."""
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "ritornello.music.worker", "5", "1024"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    request = json.dumps({"path": str(song), "repeats": "unfold", "folder": str(song.parent)}).encode()
    out, _ = worker.communicate(struct.pack(">I", len(request)) + request, timeout=60)
    assert worker.returncode == 0
    assert out[4:9] == b"ready"
    assert json.loads(out[13:])["pieces"][0]["parts"][0][0] == "Lead"

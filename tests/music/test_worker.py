"""Functions run on other people's bytes in a process of its own; whatever they do to it, the parent gets one line."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import strange_worker
from midi_bytes import midi_file, off, on, track

from ritornello.music import MusicFileError, Note, UntrustedReader, read, read_untrusted
from ritornello.music.errors import WorkerError
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.values import Key, Metre, Part, Piece, Tempo, Timeline
from ritornello.music.worker import COMMAND, MOST_DEATHS, Failure, Worker

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory and tells of processor time")

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


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A worker that does what the content asks for, with a clock that only moves while it hangs."""
    monkeypatch.setenv("PYTHONPATH", str(Path(strange_worker.__file__).parent))
    monkeypatch.setenv("STRANGE_FOLDER", str(tmp_path))
    workers = []

    def make(function: str = "act", **limits) -> Worker:
        workers.append(Worker(f"strange_worker:{function}", clock=lambda: strange_worker.now(tmp_path), **limits))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


def codes(worker: Worker, *contents: bytes) -> list[str]:
    """For each content "ok", or the code of the failure."""
    answers = list(worker.answers([(f"{n}", content) for n, content in enumerate(contents)]))
    assert len(answers) == len(contents)
    for n, (content, answer) in enumerate(zip(contents, answers, strict=True)):
        assert isinstance(answer, Failure) or answer == f"{n} ".encode() + content or content.startswith(b"nap")
    return [answer.code if isinstance(answer, Failure) else "ok" for answer in answers]


def detail(worker: Worker, content: bytes) -> str:
    (answer,) = worker.answers([("a", content)])
    assert isinstance(answer, Failure)
    return answer.detail


# The worker, with any function.


def test_a_batch_is_answered_in_order_and_the_options_come_along(strange):
    worker = strange()
    assert codes(worker, b"1", b"", b"3") == ["ok"] * 3
    assert list(worker.answers([("a", b"options"), ("b", b"options")], {"x": 1})) == [b"{'x': 1}"] * 2


def test_one_process_serves_many_batches(strange):
    def process() -> int:
        return next(iter(worker.answers([("", b"options")], {}))) and worker._process.process.pid

    worker = strange()
    assert process() == process()


def test_a_process_that_dies_costs_one_file(strange):
    contents = [b"1", b"die", b"2", b"die", b"die", b"3"]
    assert codes(strange(), *contents) == ["ok", "parser_died", "ok", "parser_died", "parser_died", "ok"]
    assert detail(strange(), b"die") == "its reader crashed (status 7)"


def test_a_process_that_hangs_costs_one_file(strange):
    assert codes(strange(timeout_seconds=1), b"1", b"hang", b"2") == ["ok", "too_slow", "ok"]
    assert detail(strange(timeout_seconds=0.5), b"hang") == "gave up reading it after 0.5 s"


@linux
def test_a_file_that_had_the_processor_all_the_time_is_not_tried_again(strange, tmp_path):
    assert codes(strange(timeout_seconds=0.5), b"1", b"spin", b"2") == ["ok", "too_slow", "ok"]
    assert strange_worker.begun(tmp_path, "spin") == 1


def test_a_file_that_was_late_because_the_machine_slept_is_read(strange, tmp_path):
    assert codes(strange(timeout_seconds=1), b"1", b"nap 2", b"3") == ["ok", "ok", "ok"]
    assert strange_worker.begun(tmp_path, "nap") == 2


def test_many_files_that_bring_processes_down_each_have_a_failure(strange):
    dead = MOST_DEATHS + 2
    assert codes(strange(), *[b"die"] * dead, b"1") == ["parser_died"] * dead + ["ok"]


def test_a_process_that_ends_on_any_file_is_not_started_for_ever(strange):
    with pytest.raises(WorkerError, match=r"ends on any file \(its reader crashed \(status 7\)\); see that"):
        codes(strange("die"), *[b"1"] * 100)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), r"did not start \(its reader crashed \(status 3\)\)"),
        (("no-such-program",), r"no process can be started to read files \(No such file or directory\); see that"),
    ],
)
def test_a_process_that_does_not_start_is_one_clear_line(strange, song, command, message):
    with pytest.raises(WorkerError, match=message):
        codes(strange(command=command), b"1")
    with UntrustedReader(command=command) as reader, pytest.raises(MusicFileError, match=rf"song\.mid: .*{message}"):
        reader.read(song)


def test_a_function_that_fails_costs_one_file_and_its_process(strange):
    assert codes(strange(), b"1", b"swell", b"dive", b"odd", b"2") == ["ok", *["unreadable"] * 3, "ok"]
    assert detail(strange(memory_mb=512), b"swell") == "needs more than 512 MB to read: the file is damaged"
    assert detail(strange(), b"dive") == "nested too deeply: the file is damaged, export it again"
    assert detail(strange(), b"odd") == r"cannot be read (KeyError: '\x1b[2J'): export it again"


def test_a_file_does_not_suffer_for_the_one_before_it(strange):
    assert codes(strange(), b"poison", b"1", b"2") == ["ok", "ok", "ok"]


def test_the_batching_does_not_change_the_answers(strange):
    contents = [b"1", b"poison", b"2", b"die", b"3", b"swell", b"poison", b"die", b"4"]
    assert codes(strange(), *contents) == [codes(strange(), content)[0] for content in contents]


def test_a_worker_that_is_stopped_answers_no_more(strange):
    worker = strange()
    answers = worker.answers([(f"{n}", b"") for n in range(5)])
    next(answers)
    worker.stop()
    assert len(list(answers)) < 4


def test_a_worker_may_be_stopped_by_another_thread_while_it_waits(strange):
    worker = strange()
    answers = worker.answers([("0", b""), ("1", b"hang")])
    next(answers)
    worker.clock = lambda: 0.0  # which never passes
    threading.Timer(0.2, worker.stop).start()
    assert list(answers) == []


def test_after_an_interrupt_no_answer_is_taken_for_that_to_another_file(strange):
    worker = strange()
    answers = worker.answers([(f"{n}", b"") for n in range(5)])
    next(answers)
    answers.close()
    assert codes(worker, b"1") == ["ok"]


def test_what_native_code_prints_cannot_be_taken_for_an_answer(strange):
    assert codes(strange(), b"noise", b"1") == ["ok", "ok"]


def test_limits_must_be_positive():
    for limits in ({"timeout_seconds": 0}, {"memory_mb": -1}):
        with pytest.raises(ValueError, match="more than 0"):
            UntrustedReader(**limits)


# The worker that reads music.


def stand_in(code: str) -> list[str]:
    """A process that takes the first batch, of which it reads both messages, with code of ours."""
    start = (
        "import os, struct, sys, time; "
        "i, o = sys.stdin.buffer, sys.stdout.buffer; "
        "send = lambda m: (o.write(struct.pack('>I', len(m)) + m), o.flush()); "
        "take = lambda: i.read(struct.unpack('>I', i.read(4))[0]); send(b'ready'); take(), take(); "
    )
    return [sys.executable, "-c", start + code]


def main_with(code: str) -> list[str]:
    """The real process, with code of ours that runs before."""
    return [
        sys.executable,
        "-c",
        f"import sys; from ritornello.music import worker\n{code}\nworker.main(sys.argv[1:])",
    ]


def test_the_worker_reads_what_read_reads(tmp_path, song):
    score = tmp_path / "air.krn"
    score.write_bytes(KERN)
    assert read_untrusted(song) == read(song)
    assert read_untrusted(score, repeats="written") == read(score, repeats="written")


def test_one_reader_serves_many_files_and_a_bad_one_between_them(tmp_path, song):
    (tmp_path / "bad.mid").write_bytes(MIDI[:-3])
    with UntrustedReader() as reader:
        reader.read(song)
        process = reader._worker._process.process
        with pytest.raises(MusicFileError, match=r"bad\.mid: cut short"):
            reader.read(tmp_path / "bad.mid")
        with pytest.raises(MusicFileError, match=r"gone\.mid: no such file"):
            reader.read(tmp_path / "gone.mid")
        assert reader.read(song)[0].parts[0].notes == (Note(0, 480, 60), Note(483, 477, 64))
        assert reader._worker._process.process is process
    assert process.poll() is not None  # ended, and waited for


def test_a_relative_path_means_the_parents_folder_of_the_moment(song, monkeypatch):
    (song.parent / "elsewhere").mkdir()
    monkeypatch.chdir(song.parent / "elsewhere")
    with UntrustedReader() as reader:
        with pytest.raises(MusicFileError):
            reader.read("song.mid")
        monkeypatch.chdir(song.parent)
        assert reader.read("song.mid")[0].source == "song.mid"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mid")
    with pytest.raises(MusicFileError, match=r"pipe\.mid: this is not a file"):
        read_untrusted(tmp_path / "pipe.mid")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os._exit(3)", "crashed (status 3)"),
        ("os.abort()", "crashed"),
        ("send(b'ready')", "no valid answer"),
        ("send(b'')", "crashed (status 0)"),
        ("send(b'\\1not json')", "no valid answer"),
        ("send(b'\\1[\"unreadable\"]')", "no valid answer"),
        ('send(b\'\\1["kept", "well"]\')', "no valid answer"),
        ("send(b'\\0not json')", "impossible answer"),
        ("send(b'\\0[1, 2]')", "impossible answer"),
        ("send(b'\\0' + b'[' * 100000)", "impossible answer"),
        ("send(b'\\0[{\"parts\": 3}]')", "impossible answer"),
        ("o.write(b'\\xff' * 4); o.flush(); time.sleep(600)", "no valid answer"),
        ("o.write(struct.pack('>I', 200 * 2**20)); o.flush(); time.sleep(600)", "no valid answer"),
        ("o.write(b'\\0\\0\\0\\x09short'); o.flush()", "crashed (status 0)"),
    ],
)
def test_a_process_gone_wrong_costs_one_line_and_leaves_no_process(song, code, message):
    with UntrustedReader(timeout_seconds=600, command=stand_in(code)) as reader:
        with pytest.raises(MusicFileError) as caught:
            reader.read(song)
        assert reader._worker._process is None
    line = str(caught.value)
    assert line.startswith(f"{song}: ")
    assert "\n" not in line
    assert message in line


def test_a_hang_costs_one_line_and_the_next_file_is_read_by_another_process(song):
    with UntrustedReader(timeout_seconds=0.1, command=stand_in("time.sleep(600)")) as reader:
        with pytest.raises(
            MusicFileError, match=r"song\.mid: gave up reading it after 0\.1 s: the file is damaged, or"
        ):
            reader.read(song)
        reader._worker.command[: len(stand_in(""))] = COMMAND
        reader._worker.timeout_seconds = 600
        assert reader.read(song) == read(song)


def test_a_process_killed_between_two_files_is_replaced(song):
    with UntrustedReader() as reader:
        reader.read(song)
        reader._worker._process.process.kill()
        reader._worker._process.process.wait()
        assert reader.read(song) == read(song)


def test_an_answer_too_long_to_be_taken_in_is_refused_by_the_process_itself(song):
    with (
        UntrustedReader(command=main_with("worker.MAX_PIECES = 100")) as reader,
        pytest.raises(MusicFileError, match=r"song\.mid: it holds more notes than"),
    ):
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


@linux
def test_where_less_memory_is_allowed_than_asked_for_the_worker_makes_do(song):
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))"
    with UntrustedReader(memory_mb=4096, command=main_with(code)) as reader:
        assert reader.read(song) == read(song)


@linux
def test_a_file_that_swells_meets_the_memory_limit(tmp_path):
    bomb = tmp_path / "bomb.mxl"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        note = b"<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
        archive.writestr(
            "score.xml", b"<score-partwise><part><measure>" + note * 500_000 + b"</measure></part></score-partwise>"
        )
    assert bomb.stat().st_size < 200_000
    with pytest.raises(MusicFileError, match=r"needs more than 256 MB|crashed|stopped"):
        read_untrusted(bomb, memory_mb=256, timeout_seconds=600)


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
    with UntrustedReader(timeout_seconds=600) as reader:
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


def test_the_process_ends_with_its_input():
    """A parent that dies closes the pipe; the process then ends by itself."""
    process = subprocess.Popen(
        [*COMMAND, "ritornello.music.worker:pieces_as_json", "600", "1024"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    header = json.dumps([{"repeats": "unfold"}, [["song.mid", len(MIDI)]]]).encode()
    messages = [struct.pack(">I", len(message)) + message for message in (header, MIDI)]
    out, _ = process.communicate(b"".join(messages), timeout=600)
    assert process.returncode == 0
    assert out[4:9] == b"ready"
    assert out[13:14] == b"\0"
    assert json.loads(out[14:])[0]["parts"][0][0] == "Lead"

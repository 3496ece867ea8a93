"""Stop a build at any moment: the same command goes on, and the corpus is that of a build that was never stopped."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from outputs import names_in

from ritornello.corpus.build.build import build_corpus
from ritornello.corpus.build.pool import Worker
from ritornello.corpus.build.rows import journal_path
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.store import PAGE, Corpus
from ritornello.music.errors import WorkerError
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

FILES = 120


def random_tune(seed: int) -> Melody:
    dice = random.Random(seed)
    return Melody(tuple(Note(240 * n, 240, dice.randint(55, 80)) for n in range(40)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Tunes, copies of some in another key, and files that are no music."""
    folder = tmp_path_factory.mktemp("tunes")
    for n in range(FILES):
        tune = random_tune(n if n % 5 else n // 2).transposed(n % 3)
        (folder / f"{n:03}.mid").write_bytes(b"MThd" if n % 17 == 0 else write_midi(tune))
    return folder


@pytest.fixture(scope="module")
def uninterrupted(folder, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "corpus"
    build_corpus(folder, out=out)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    """The corpus, without the page that the command puts beside it."""
    return {name: (out / name).read_bytes() for name in names_in(out) if name != PAGE}


def command(folder: Path, out: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "ritornello",
        "corpus",
        "build",
        str(folder),
        "-o",
        str(out),
        "--workers",
        "2",
        "-q",
    ]


def recorded(out: Path) -> int:
    """Bytes in the journal."""
    return journal_path(out).stat().st_size if journal_path(out).exists() else 0


def heed_interrupts() -> None:
    """A program that is started in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def killed_at(folder: Path, out: Path, size: int, how: signal.Signals) -> bool:
    """Run the command and send it a signal when its journal has `size` bytes; False where it was over before."""
    process = subprocess.Popen(
        command(folder, out), stderr=subprocess.PIPE, start_new_session=True, preexec_fn=heed_interrupts
    )
    while process.poll() is None and recorded(out) < size:
        time.sleep(0.002)
    process.send_signal(how)
    _, words = process.communicate(timeout=60)
    if how == signal.SIGINT and process.returncode == 130:
        assert b"the same command goes on from here" in words
    return process.returncode != 0


@pytest.fixture(scope="module")
def journal_bytes(folder, tmp_path_factory) -> int:
    """Bytes of the journal when all is read."""
    out = tmp_path_factory.mktemp("measured") / "corpus"
    sizes = []
    build_corpus(folder, out=out, on_file=lambda *_: sizes.append(recorded(out)))
    return max(sizes)


def stop_and_go_on(folder: Path, out: Path, size: int, times: int, how: signal.Signals, seed: int) -> int:
    """Stop a build at random moments, then let it finish; returns how often it was stopped before its end."""
    dice = random.Random(seed)
    stopped = 0
    for moment in sorted(dice.uniform(0, 1.05) for _ in range(times)):
        before = recorded(out)
        stopped += killed_at(folder, out, int(moment * size), how)
        assert (out / "notes.npy").exists() or recorded(out) >= before
    subprocess.run(command(folder, out), check=True)
    return stopped


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 on this system")
def test_three_kills_at_random_leave_the_same_corpus(folder, uninterrupted, journal_bytes, tmp_path):
    out = tmp_path / "corpus"
    assert stop_and_go_on(folder, out, journal_bytes, 3, signal.SIGKILL, seed=1) >= 2
    assert contents(out) == uninterrupted
    assert (out / PAGE).exists()
    assert not journal_path(out).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT from another program on this system")
def test_ctrl_c_says_how_to_go_on_and_leaves_the_same_corpus(folder, uninterrupted, journal_bytes, tmp_path):
    out = tmp_path / "corpus"
    assert killed_at(folder, out, journal_bytes // 2, signal.SIGINT)
    assert not out.exists()
    assert recorded(out) > 0
    subprocess.run(command(folder, out), check=True)
    assert contents(out) == uninterrupted


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 on this system")
@pytest.mark.parametrize("seed", range(10))
def test_thirty_kills_at_random_leave_the_same_corpus(folder, uninterrupted, journal_bytes, tmp_path, seed):
    out = tmp_path / "corpus"
    stop_and_go_on(folder, out, journal_bytes, 3, signal.SIGKILL, seed)
    assert contents(out) == uninterrupted
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_build_stopped_before_it_read_a_file_promises_nothing(folder, tmp_path, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ritornello.corpus.build.build._built", stopped)
    with pytest.raises(KeyboardInterrupt, match="interrupted: 0 of 120 files read; nothing is kept"):
        build_corpus(folder, out=tmp_path / "corpus")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, WorkerError])
def test_a_build_stopped_before_it_goes_on_keeps_what_was_read(folder, tmp_path, monkeypatch, error):
    out = tmp_path / "corpus"

    def stop_at_forty(done, total, name):
        if done == 40:
            raise KeyboardInterrupt

    def stopped(*arguments):
        raise error

    with pytest.raises(KeyboardInterrupt, match="goes on from here"):
        build_corpus(folder, out=out, on_file=stop_at_forty)
    before = journal_path(out).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("ritornello.corpus.build.build._built", stopped)
        with pytest.raises(error, match=r"[1-9]\d+ of 120 files read"):
            build_corpus(folder, out=out)
    assert journal_path(out).read_bytes() == before


def test_only_the_files_in_flight_are_read_again(folder, uninterrupted, tmp_path, monkeypatch):
    out = tmp_path / "corpus"

    def stop_at_forty(done, total, name):
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"\d+ of 120 files read; the same command goes on"):
        build_corpus(folder, BuildOptions(workers=2), out=out, on_file=stop_at_forty)
    again = []

    class Counted(Worker):
        def answers(self, files, options):
            again.extend(name for name, _ in files)
            return super().answers(files, options)

    monkeypatch.setattr("ritornello.corpus.build.pool.Worker", Counted)
    build_corpus(folder, BuildOptions(workers=2), out=out)
    assert len(again) == len(set(again)) <= FILES - 40
    assert contents(out) == uninterrupted


def test_where_a_worker_cannot_be_replaced_what_was_read_stays(folder, uninterrupted, tmp_path, monkeypatch):
    started, out = [], tmp_path / "corpus"

    def once(*arguments, **options):
        if started:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        started.append(subprocess_popen(*arguments, **options))
        return started[0]

    subprocess_popen = subprocess.Popen
    # of 120 files in batches of 30: it ends after the first batch
    monkeypatch.setattr("ritornello.music.worker.LIFETIME_FILES", 20)
    monkeypatch.setattr(subprocess, "Popen", once)
    with pytest.raises(WorkerError, match=r"no process can be started .*; 3\d of 120 files read, and stay so"):
        build_corpus(folder, BuildOptions(workers=1), out=out)
    assert recorded(out)
    monkeypatch.undo()
    build_corpus(folder, out=out)
    assert contents(out) == uninterrupted


def test_what_a_kill_left_in_the_middle_of_saving_is_swept_away(folder, uninterrupted, tmp_path):
    out = tmp_path / "corpus"
    out.mkdir()
    for name in (".notes.npy.abcd1234.npy", "..ritornello.json.abcd1234.json", ".precious"):
        (out / name).write_bytes(b"half of it")
    build_corpus(folder, out=out)
    found = contents(out)
    assert found.pop(".precious") == b"half of it"
    assert found == uninterrupted


def test_a_file_that_changed_since_is_read_again(tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(3):
        (tmp_path / "in" / f"{n}.mid").write_bytes(write_midi(random_tune(n)))

    def stop(done, total, name):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(tmp_path / "in", out=tmp_path / "out", on_file=stop)
    (tmp_path / "in" / "1.mid").write_bytes(write_midi(random_tune(99)))
    corpus = build_corpus(tmp_path / "in", out=tmp_path / "out")
    assert corpus.melodies()[1].notes == random_tune(99).notes
    assert Corpus.load(tmp_path / "out").melodies() == corpus.melodies()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_number_of_workers_does_not_change_a_byte(folder, uninterrupted, tmp_path, workers):
    build_corpus(folder, BuildOptions(workers=workers), out=tmp_path / "corpus")
    assert contents(tmp_path / "corpus") == uninterrupted


def test_a_corpus_of_copies_keeps_one_and_names_it_for_the_others(tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(6):
        (tmp_path / "in" / f"{n}.mid").write_bytes(write_midi(random_tune(1).transposed(n)))
    corpus = build_corpus(tmp_path / "in")
    assert [p.source for p in corpus.pieces] == [str(tmp_path / "in" / "0.mid")]
    assert [line.reason for line in corpus.report] == ["ok"] + ["duplicate"] * 5
    assert corpus.report[5].duplicates[0]["semitones"] == 5
    assert corpus.report[5].duplicates[0]["twin"] == str(tmp_path / "in" / "0.mid")

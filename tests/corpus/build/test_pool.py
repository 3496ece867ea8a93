"""What workers answer becomes rows: every file has some, whatever became of its worker."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import strange_worker

from ritornello.corpus.build.convert import explained_bytes, rows_and_pieces
from ritornello.corpus.build.pool import BATCH_BYTES, BATCH_FILES, CONVERT, Job, batches, convert_here, converted
from ritornello.corpus.build.rows import FileRows, Journal
from ritornello.corpus.find.find import Source
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import read_midi, write_midi
from ritornello.music.values import Melody, Note
from ritornello.music.worker import Worker

TUNE = write_midi(Melody(tuple(Note(480 * n, 480, 60 + n) for n in range(8))))


def jobs(*contents: bytes) -> list[Job]:
    return [Job(n, b"", f"{n}.mid", content) for n, content in enumerate(contents)]


def test_large_files_travel_alone_and_small_ones_together():
    small = [Job(n, b"", "", b"x") for n in range(BATCH_FILES + 1)]
    large = Job(99, b"", "", b"x" * BATCH_BYTES)
    assert [len(b) for b in batches([*small, large, large])] == [BATCH_FILES, 2, 1]


def test_each_job_of_a_batch_comes_back_with_its_rows_and_in_order():
    asked = jobs(TUNE, b"MThd", b"", TUNE)
    with Worker(CONVERT, timeout_seconds=600) as worker:
        done = [(job, FileRows.from_bytes(rows)) for job, rows in converted(worker, asked, BuildOptions())]
    assert [job for job, _ in done] == asked
    assert [r.problems[0][0] if r.problems else "kept" for _, r in done] == [
        "kept",
        "unreadable",
        "empty_file",
        "kept",
    ]


def test_a_file_that_brings_its_worker_down_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(strange_worker.__file__).parent))
    with Worker("strange_worker:act", timeout_seconds=600) as worker:
        done = [FileRows.from_bytes(rows) for _, rows in converted(worker, jobs(b"die", b"swell"), BuildOptions())]
    assert [rows.problems for rows in done] == [
        (("parser_died", "its reader crashed (status 7)"),),
        (("unreadable", "needs more than 1024 MB to read: the file is damaged"),),
    ]


def test_an_answer_that_is_no_rows_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(Path(strange_worker.__file__).parent))
    monkeypatch.setattr("ritornello.corpus.build.pool.CONVERT", "strange_worker:act")
    (tmp_path / "a.mid").write_bytes(b"lie")
    with Journal(None, BuildOptions(), 1) as journal:
        path = str(tmp_path / "a.mid")
        assert list(convert_here([Source(path, path)], BuildOptions(workers=1), journal)) == [0]
        [(reason, detail)] = journal.rows(0).problems
    assert reason == "parser_died"
    assert detail.startswith("its reader gave an impossible answer (not the rows of a file")


def test_the_pieces_that_were_read_come_along_where_they_are_asked_for():
    rows, pieces = rows_and_pieces(explained_bytes(TUNE, "a.mid", {}))
    assert len(rows.corpus.notes) == 8
    assert pieces == [read_midi(TUNE, "a.mid")]
    rows, pieces = rows_and_pieces(explained_bytes(b"MThd", "a.mid", {}))
    assert (rows.problems[0][0], pieces) == ("unreadable", [])


@pytest.mark.parametrize("message", [b"", b"\0\0\0\1", b"\0\0\0\0[]", explained_bytes(TUNE, "a.mid", {})[:-1]])
def test_rows_and_pieces_that_no_honest_worker_gives_are_refused(message):
    with pytest.raises(ValueError):
        rows_and_pieces(message)


def test_where_no_process_can_be_started_the_error_reaches_the_program(monkeypatch, tmp_path):
    def none(*_args, **_options):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", none)
    (tmp_path / "a.mid").write_bytes(TUNE)
    source = Source(str(tmp_path / "a.mid"), str(tmp_path / "a.mid"))
    with Journal(None, BuildOptions(), 1) as journal, pytest.raises(ValueError, match="no process can be started"):
        list(convert_here([source], BuildOptions(workers=1), journal))


def test_the_worker_loads_no_more_of_the_package_than_it_needs():
    """No page, chart, network or command: a worker starts as often as a hostile file brings one down."""
    code = (
        "import sys, ritornello.corpus.build.convert; print(*(n for n in sys.modules if n.startswith('ritornello.')))"
    )
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    light = {"ritornello.render", "ritornello.render.shown"}  # which loads what it shows when it shows it
    rooms = {name.split(".")[1] for name in set(names) - light}
    assert rooms <= {"atomic", "music", "encoding", "corpus", "version", "plural", "wording"}

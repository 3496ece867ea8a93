"""A lane to an untrusted worker: every file gets an answer, whatever the worker does."""

import sys

import pytest

from ritornello.corpus.build.lane import BATCH_BYTES, BATCH_FILES, MOST_DEATHS, Job, Lane, batches
from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.errors import WorkerError
from ritornello.corpus.options import BuildOptions
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody, Note

TUNE = write_midi(Melody(tuple(Note(480 * n, 480, 60 + n) for n in range(8))))

STRANGE_WORKER = """
import os, sys, time
from ritornello.corpus.build.build import lane_worker

truly, poisoned = lane_worker.convert, []

def convert(content, name, options):
    if content == b"die":
        os._exit(7)
    if content == b"hang":
        time.sleep(60)
    if content.startswith(b"spin"):
        began(content)
        while True:
            pass
    if content.startswith(b"nap"):  # as if the machine slept, once
        time.sleep(0 if began(content) else 60)
        content = content.partition(b" ")[2]
    if content == b"swell":
        raise MemoryError
    if content == b"poison":  # harms the worker, so that the next file brings it down
        poisoned.append(name)
    elif poisoned:
        os._exit(8)
    if content == b"lie":
        return Liar()
    return truly(content, name, options)

def began(content):
    # whether this file was begun before; it is noted that it was
    with open(os.path.join(os.path.dirname(__file__), content[:4].decode().strip()), "a+") as notes:
        notes.seek(0)
        before = notes.read()
        notes.write("begun ")
    return before

class Liar:
    def to_bytes(self):
        return b"nonsense"

lane_worker.convert = convert
lane_worker.main(sys.argv[1:])
"""


def lane(tmp_path, **options) -> Lane:
    script = tmp_path / "strange_worker.py"
    script.write_text(STRANGE_WORKER)
    return Lane(BuildOptions(), command=(sys.executable, str(script)), **options)


def told(lane: Lane, *contents: bytes) -> list[str]:
    """For each content "kept", or the reason why not."""
    jobs = [Job(n, b"", f"{n}.mid", content) for n, content in enumerate(contents)]
    with lane:
        answers = list(lane.convert(jobs))
    assert [job for job, _ in answers] == jobs
    rows = [FileRows.from_bytes(message) for _, message in answers]
    return ["kept" if r.pieces else r.problems[0][0] for r in rows]


def test_a_batch_is_answered_in_order(tmp_path):
    assert told(lane(tmp_path), TUNE, b"MThd", TUNE, b"") == ["kept", "unreadable", "kept", "empty_file"]


def test_a_worker_that_dies_costs_one_file(tmp_path):
    assert told(lane(tmp_path), TUNE, b"die", TUNE, b"die", b"die", TUNE) == [
        "kept",
        "parser_died",
        "kept",
        "parser_died",
        "parser_died",
        "kept",
    ]


def test_a_worker_that_hangs_costs_one_file(tmp_path):
    assert told(lane(tmp_path, timeout_seconds=0.4), TUNE, b"hang", TUNE) == ["kept", "too_slow", "kept"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the processor time of another process")
def test_a_file_that_had_the_processor_all_the_time_is_not_tried_again(tmp_path):
    assert told(lane(tmp_path, timeout_seconds=1), TUNE, b"spin", TUNE) == ["kept", "too_slow", "kept"]
    assert (tmp_path / "spin").read_text().split() in (["begun"], ["begun", "begun"])  # the second on a busy machine


def test_a_file_that_was_late_because_the_machine_slept_is_kept(tmp_path):
    assert told(lane(tmp_path, timeout_seconds=1), TUNE, b"nap " + TUNE, TUNE) == ["kept", "kept", "kept"]
    assert (tmp_path / "nap").read_text().split() == ["begun", "begun"]


def test_many_files_that_bring_workers_down_are_each_told(tmp_path):
    assert told(lane(tmp_path), *[b"die"] * (MOST_DEATHS + 2), TUNE) == ["parser_died"] * (MOST_DEATHS + 2) + ["kept"]


def test_a_worker_that_ends_on_any_file_is_not_started_for_ever(tmp_path):
    script = tmp_path / "broken.py"
    script.write_text(STRANGE_WORKER.replace('if content == b"die"', "if True"))
    broken = Lane(BuildOptions(), command=(sys.executable, str(script)))
    with pytest.raises(WorkerError, match=r"ends on any file \(its reader crashed \(status 7\)\); see that"):
        told(broken, *[TUNE] * 100)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), r"did not start \(its reader crashed \(status 3\)\)"),
        (("no-such-program",), r"no process can be started to read files \(No such file or directory\); see that"),
    ],
)
def test_a_worker_that_does_not_start_is_one_clear_line(command, said):
    with pytest.raises(WorkerError, match=said):
        told(Lane(BuildOptions(), command=command), TUNE)


def test_a_worker_that_swells_is_replaced(tmp_path):
    assert told(lane(tmp_path), TUNE, b"swell", TUNE) == ["kept", "unreadable", "kept"]


def test_a_file_does_not_suffer_for_the_one_before_it(tmp_path):
    assert told(lane(tmp_path), b"poison", TUNE, TUNE) == ["unreadable", "kept", "kept"]


def test_the_batching_does_not_change_the_answers(tmp_path):
    contents = [TUNE, b"poison", TUNE, b"die", TUNE, b"swell", b"poison", b"die", TUNE]
    together = told(lane(tmp_path), *contents)
    assert together == [told(lane(tmp_path), content)[0] for content in contents]


def test_nonsense_for_an_answer_is_no_rows(tmp_path):
    with lane(tmp_path) as strange:
        ((_, message),) = strange.convert([Job(0, b"", "a.mid", b"lie")])
    with pytest.raises(ValueError, match="not the rows"):
        FileRows.from_bytes(message)


def test_a_lane_that_is_stopped_answers_no_more(tmp_path):
    with lane(tmp_path) as strange:
        answers = strange.convert([Job(n, b"", f"{n}.mid", TUNE) for n in range(5)])
        next(answers)
        strange.stop()
        assert len(list(answers)) < 4


def test_large_files_travel_alone_and_small_ones_together():
    small = [Job(n, b"", "", b"x") for n in range(BATCH_FILES + 1)]
    large = Job(99, b"", "", b"x" * BATCH_BYTES)
    assert [len(b) for b in batches([*small, large, large])] == [BATCH_FILES, 2, 1]

"""Several processes train one network as one process would, and none is needed to go on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ritornello.training.run.folder import CheckpointError, load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.ranks import ALONE, Ranks
from ritornello.training.run.request import Request

pytest.importorskip("torch.distributed")
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="PyTorch's gloo needs a Unix here"),
    pytest.mark.xdist_group("ranks"),
]

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """The folder in which pairs of processes have done what ranks.py has for them."""
    folder = tmp_path_factory.mktemp("ranks")
    done = subprocess.run(
        [sys.executable, str(HERE.parents[1] / "support" / "ranks.py"), str(folder)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


class Second(Ranks):
    """The second of three, without the others."""

    rank, size = 1, 3


def test_updates_on_two_ranks_are_updates_on_all_their_streams(pairs):
    from ranks import learn

    whole, nlls = learn(ALONE)
    for rank in (0, 1):
        assert json.loads((pairs / f"{rank}.json").read_text()) == pytest.approx(nlls, abs=1e-6)
        weights = np.load(pairs / f"{rank}.npz")
        for name in set(whole) - {n for n in whole if n.startswith("start.")}:
            np.testing.assert_allclose(weights[name], whole[name], atol=2e-6, err_msg=name)


def test_every_melody_is_read_by_one_rank():
    class Of(Ranks):
        def __init__(self, rank: int):
            self.rank, self.size = rank, 3

    melodies = [f"tune {n}" for n in range(10)]
    shares = [Of(rank).share_of(melodies, 5) for rank in range(3)]
    assert sorted(tune for share in shares for tune in share) == sorted(melodies)
    assert sorted(map(len, shares)) == [3, 3, 4]
    assert len({Of(rank).seed(5) for rank in range(3)}) == 3
    assert Of(0).seed(5) == 5
    with pytest.raises(ValueError, match="2 melodies are too few for 3 processes"):
        Of(0).share_of(melodies[:2], 5)


def test_what_is_each_ranks_own_lies_beside_what_all_share():
    second, state = Second(), {"weight.a": 1, "carried.output": 2, "random": 3}
    second.gather = lambda mine: [mine, {"carried.output": 20, "random": 30}, {"random": 300}]  # type: ignore
    joined = second.join(state, ("carried.", "random"))
    assert joined == {**state, "rank.1.carried.output": 20, "rank.1.random": 30, "rank.2.random": 300}
    assert second.part(joined) == {"weight.a": 1, "carried.output": 20, "random": 30}
    assert ALONE.part(joined) == state


def test_all_stop_at_one_update_when_one_is_asked_to_and_go_on_to_the_same_end(pairs):
    assert [(pairs / f"cut/stopped.{rank}").read_text() for rank in (0, 1)] == ["10", "10"]
    models = [(pairs / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert models[0] == models[1]
    lines = [json.loads(line) for line in (pairs / "cut/log.jsonl").read_text().splitlines()]
    assert lines[0]["plan"]["ranks"] == 2
    assert [line["update"] for line in lines[1:]] == [6, 12, 18, 24]


def test_a_run_of_two_is_not_gone_on_with_by_one(pairs):
    from ranks import corpus

    with pytest.raises(CheckpointError, match="planned for 2 processes, not 1: start so many with torchrun"):
        prepare_training(Request(), corpus(), load_checkpoint(pairs / "whole"))


RUN = "hymns", "--preset", "tiny", "--updates", "300", "--checks", "60", "--streams", "4", "--save-seconds", "0.1"


def test_when_a_process_is_killed_the_other_says_so_and_the_run_goes_on(tmp_path):
    run = tmp_path / "run"
    for victim, words in ((1, [*RUN, "-o", str(run)]), (0, ["--resume", str(run)])):
        with started(*words) as launcher:
            wait_for_checks(run, 2 if victim else len(log_of(run)) + 2)
            os.kill(children(launcher.pid)[victim], signal.SIGKILL)
            _, errors = launcher.communicate(timeout=60)
        assert launcher.returncode == 1
        told = rf"^ritornello: another process of this run is gone \(this is rank {1 - victim} of 2\).*--resume$"
        assert re.search(told, errors, re.M), errors
    with started("--resume", str(run)) as launcher:
        said, errors = launcher.communicate(timeout=120)
    assert launcher.returncode == 0, errors
    assert re.search(r"going on at update [1-9]\d* of 300", said)
    checks = [line["update"] for line in log_of(run) if "update" in line]  # a rescue may have gone back
    assert sorted({*checks}) == list(range(5, 301, 5))


def test_two_ranks_that_train_by_time_end_at_one_update(tmp_path):
    run = tmp_path / "run"
    with started("hymns", "--preset", "tiny", "--minutes", "0.1", "--streams", "4", "-o", str(run)) as launcher:
        _, errors = launcher.communicate(timeout=170)
    assert launcher.returncode == 0, errors
    last = [line["update"] for line in log_of(run) if "update" in line][-1]
    kept = load_checkpoint(run)
    assert kept.progress.update == last >= 1
    assert any(name.startswith("rank.1.") for name in kept.engine)


def started(*words: str) -> subprocess.Popen:
    """`ritornello train` on two processes."""
    command = [*TORCHRUN, "-m", "ritornello", "train", *words]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parents[2]
    )


def log_of(run: Path) -> list[dict]:
    """The checks so far."""
    log = run / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()[1:]] if log.exists() else []


def wait_for_checks(run: Path, count: int) -> None:
    """Until the log has so many."""
    for _ in range(2000):
        if len(log_of(run)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no check in a hundred seconds")


def children(pid: int) -> list[int]:
    """The processes that another has started, the ranks in order."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return sorted(map(int, listed.stdout.split()))


@pytest.mark.parametrize(("size", "expected"), [("2", ["at once 0"]), ("1", ["in order 0"])])
def test_a_rank_ends_at_once_so_that_no_thread_of_gloo_can_abort_it(monkeypatch, capsys, size, expected):
    from ritornello import cli

    ends = []
    monkeypatch.setenv("WORLD_SIZE", size)
    monkeypatch.setattr(cli.sys, "argv", ["ritornello", "--version"])
    monkeypatch.setattr(cli.os, "_exit", lambda status: ends.append(f"at once {status}"))
    try:
        cli.entry()
    except SystemExit as end:
        ends.append(f"in order {end.code}")
    assert ends[:1] == expected

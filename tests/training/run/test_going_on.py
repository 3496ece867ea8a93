"""Never lost: whatever stops a run, it goes on to the same end, to the bit."""

import json
import math
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from outputs import names_in
from run_logs import read_log

import ritornello
from ritornello.encoding import Grid
from ritornello.model.file import load_model
from ritornello.model.options import NetworkOptions
from ritornello.training.plan import TrainOptions
from ritornello.training.run.claim import check_free, claimed, is_under_way
from ritornello.training.run.folder import CheckpointError, load_checkpoint
from ritornello.training.run.prepare import find_source, prepare_training
from ritornello.training.run.request import Request
from ritornello.training.run.training import Training

pytest.importorskip("torch")
resource = pytest.importorskip("resource")  # not on Windows

NETWORK = NetworkOptions(1, 16, 16)
OPTIONS = TrainOptions(
    updates=20, seed=3, streams=2, bptt_steps=24, peak_rate=0.02, threads=1, checks=4, dtype="fp32", device="cpu",
    dropout=0.2,
)  # fmt: skip


def asked(**options) -> Request:
    return Request(NETWORK, Grid(), replace(OPTIONS, **options))


def begin(corpus, **options) -> Training:
    return prepare_training(asked(**options), corpus)


def go_on(corpus, folder: Path) -> Training:
    return prepare_training(Request(), corpus, load_checkpoint(folder))


def to_the_end(training: Training, folder: Path) -> None:
    for _ in training.checks(folder):
        pass


def until(training: Training, folder: Path, update: int) -> None:
    """Train until Ctrl-C at that update."""

    def pressing(at: int, nll: float) -> None:
        if at == update:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for _ in training.checks(folder, pressing):
            pass


def same_end(one: Path, other: Path) -> bool:
    """Whether two runs ended in the same state, model and log, but for what the clock says."""
    ends = [load_checkpoint(folder) for folder in (one, other)]
    for part in ("engine", "streams"):
        first, second = (getattr(end, part) for end in ends)
        assert first.keys() == second.keys()
        for name, value in first.items():
            np.testing.assert_array_equal(value, second[name], err_msg=name)
    clocked = {"seconds": 0, "tokens_per_second": 0}
    assert [line | clocked for line in read_log(one)[1:]] == [line | clocked for line in read_log(other)[1:]]
    return (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


@pytest.fixture
def whole(tiny_corpus, tmp_path) -> Path:
    """A run that nothing stopped."""
    to_the_end(begin(tiny_corpus), tmp_path / "whole")
    return tmp_path / "whole"


@pytest.mark.parametrize("update", [1, 4, 5, 6, 19, 20])  # before, at and after a check; the last one
def test_after_ctrl_c_a_run_goes_on_to_the_same_end(tiny_corpus, whole, tmp_path, update):
    until(begin(tiny_corpus, save_seconds=1000), tmp_path / "cut", update)
    assert load_checkpoint(tmp_path / "cut").progress.update == update
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    assert same_end(whole, tmp_path / "cut")
    assert [line["update"] for line in read_log(tmp_path / "cut")[1:]] == [5, 10, 15, 20]


def test_a_run_may_be_stopped_often(tiny_corpus, whole, tmp_path):
    until(begin(tiny_corpus), tmp_path / "cut", 2)
    for update in (3, 7, 10, 16):
        until(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut", update)
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    assert same_end(whole, tmp_path / "cut")


def test_the_numpy_trainer_goes_on_to_the_same_end_too(tiny_corpus, tmp_path):
    to_the_end(begin(tiny_corpus, engine="numpy"), tmp_path / "whole")
    until(begin(tiny_corpus, engine="numpy"), tmp_path / "cut", 7)
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    assert same_end(tmp_path / "whole", tmp_path / "cut")


def test_who_asks_for_no_more_checks_can_go_on_later(tiny_corpus, whole, tmp_path):
    checks = begin(tiny_corpus, save_seconds=1000).checks(tmp_path / "cut")
    next(checks)
    checks.close()
    assert load_checkpoint(tmp_path / "cut").progress.update == 5
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    assert same_end(whole, tmp_path / "cut")


def test_a_log_that_is_ahead_of_the_saved_place_is_taken_back(tiny_corpus, whole, tmp_path):
    until(begin(tiny_corpus), tmp_path / "cut", 7)
    saved = (tmp_path / "cut/last.safetensors").read_bytes()
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    (tmp_path / "cut/last.safetensors").write_bytes(saved)  # as after a power cut just before the last save
    (tmp_path / "cut/samples").mkdir()
    for name in (".last.safetensors.abc.safetensors", ".report.html.abc.html", "samples/.epoch-0001.00.mid.abc.mid"):
        (tmp_path / "cut" / name).write_bytes(b"half-writ")
    to_the_end(go_on(tiny_corpus, tmp_path / "cut"), tmp_path / "cut")
    assert same_end(whole, tmp_path / "cut")
    assert names_in(tmp_path / "cut") == ["last.safetensors", "log.jsonl", "model.safetensors", "samples"]
    assert names_in(tmp_path / "cut" / "samples") == []


def exploding_once(training: Training, after: int = 22) -> Training:
    """Let the update after that one be no number, the first time."""
    update = training.engine.update

    def updated(batch, rate) -> float:
        nll = update(batch, rate)
        return math.nan if training.progress.update == after and training.progress.blow_ups == 0 else nll

    training.engine.update = updated
    return training


def test_after_blowing_up_too_a_resumed_run_comes_to_the_same_end(tiny_corpus, tmp_path):
    to_the_end(exploding_once(begin(tiny_corpus, updates=40)), tmp_path / "whole")
    until(exploding_once(begin(tiny_corpus, updates=40)), tmp_path / "cut", 12)
    until(exploding_once(go_on(tiny_corpus, tmp_path / "cut")), tmp_path / "cut", 25)
    to_the_end(exploding_once(go_on(tiny_corpus, tmp_path / "cut")), tmp_path / "cut")
    assert same_end(tmp_path / "whole", tmp_path / "cut")
    [setback] = [line for line in read_log(tmp_path / "cut") if "went_back" in line]
    assert (setback["from_update"], setback["share_of_rate"]) == (23, 0.5)


def test_a_run_killed_after_blowing_up_comes_to_the_same_end(tiny_corpus, tmp_path):
    class Killed(BaseException):
        pass

    def kill_after_a_new_best(update: int, nll: float) -> None:
        if update == 25:
            raise Killed

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    to_the_end(exploding_once(begin(tiny_corpus, updates=40), 12), whole)
    until(exploding_once(begin(tiny_corpus, updates=40), 12), cut, 11)
    with pytest.raises(Killed):
        for _ in exploding_once(go_on(tiny_corpus, cut), 12).checks(cut, kill_after_a_new_best):
            pass
    assert load_model(cut / "model.safetensors").metadata["update"] == 20
    to_the_end(exploding_once(go_on(tiny_corpus, cut), 12), cut)
    assert same_end(whole, cut)


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_two_programs_do_not_train_in_one_folder(tiny_corpus, tmp_path):
    run = tmp_path / "run"
    with claimed(run, asked()):
        for resume in (False, True):
            with pytest.raises(ValueError, match="another program is training in this folder now; wait for it"):
                claimed(run, asked(), resume).__enter__()
        until(begin(tiny_corpus), run, 5)
    with claimed(run, Request(), resume=True) as saved:
        to_the_end(prepare_training(Request(), tiny_corpus, saved), run)
    assert load_checkpoint(run).progress.stopped == "finished"


def test_a_folder_that_was_made_for_a_run_that_did_not_begin_is_removed(tmp_path):
    run = tmp_path / "runs" / "mine"
    with pytest.raises(CheckpointError, match="no run to resume"), claimed(run, Request(), resume=True):
        pass
    with pytest.raises(KeyboardInterrupt), claimed(run, Request()):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_rate_that_is_far_too_high_ends_with_the_best_or_in_words(tiny_corpus, tmp_path):
    training = begin(tiny_corpus, peak_rate=0.99, updates=200)
    training.engine.update = lambda batch, rate, update=training.engine.update: update(batch, rate * 1e6)
    with pytest.raises(FloatingPointError, match="fourth time: try a lower peak_rate="):
        to_the_end(training, tmp_path)
    shares = [line["share_of_rate"] for line in read_log(tmp_path) if "went_back" in line]
    assert shares == [0.5, 0.25, 0.125]


# what a run is gone on with


def test_a_finished_run_has_nothing_left_to_do(tiny_corpus, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "before")
    training = go_on(tiny_corpus, whole)
    assert list(training.checks(whole)) == []
    assert training.progress.stopped == "finished"
    assert same_end(tmp_path / "before", whole)  # the same to the byte, but for the order of last.safetensors' header
    for name in ("model.safetensors", "log.jsonl"):
        assert (whole / name).read_bytes() == (tmp_path / "before" / name).read_bytes()
    assert [line["update"] for line in training.log] == [5, 10, 15, 20]


def test_another_corpus_is_refused(tiny_corpus, whole):
    other = tiny_corpus.selected(tiny_corpus.pieces[1:])
    with pytest.raises(CheckpointError, match="not the corpus that the run began with"):
        go_on(other, whole)


@pytest.mark.parametrize(
    ("request_now", "message"),
    [
        (Request(options=TrainOptions(seed=9)), "seed= is 9 now, but the run was planned with 3"),
        (
            Request(options=TrainOptions(seed=0)),
            "seed= is 0 now, but the run was planned with 3",
        ),  # a default, given
        (Request(options=TrainOptions(minutes=5)), "minutes= is 5 now, but the run was planned without it"),
        (Request(NetworkOptions(2, 16, 16)), "preset= is another network"),
        (Request(encoding=Grid(plain=True)), "the encoding is another one"),
    ],
)
def test_other_options_are_refused_by_name(whole, request_now, message):
    with pytest.raises(CheckpointError, match=message), claimed(whole, request_now, resume=True):
        pass


def test_the_same_options_and_other_seconds_between_saves_are_not(tiny_corpus, whole):
    request_now = asked(save_seconds=5, weight_decay=0.5)  # the default, given
    with claimed(whole, request_now, resume=True) as saved:
        assert prepare_training(request_now, tiny_corpus, saved).save_seconds == 5


def test_a_folder_without_a_run_and_a_damaged_one_are_told_apart(tiny_corpus, whole, tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing: no run to resume \(there is no last.safetensors\)"):
        load_checkpoint(tmp_path / "nothing")
    path = whole / "last.safetensors"
    content = bytearray(path.read_bytes())
    for spoilt in (content[:-9], content[:100], b"", _flipped(content, -50), _flipped(content, 600)):
        path.write_bytes(spoilt)
        with pytest.raises(CheckpointError, match=r"damaged, so that the run cannot be resumed; .*model.safetensors"):
            load_checkpoint(whole)


def _flipped(content: bytearray, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def test_a_best_model_that_was_taken_away_is_made_anew(tiny_corpus, tmp_path):
    until(begin(tiny_corpus), tmp_path, 12)
    (tmp_path / "model.safetensors").unlink()
    to_the_end(go_on(tiny_corpus, tmp_path), tmp_path)
    assert load_model(tmp_path / "model.safetensors").metadata["update"] in (15, 20)


def test_a_corpus_that_is_gone_is_asked_for(whole, tmp_path):
    saved = load_checkpoint(whole)

    def read_from(source: str):
        return replace(saved, metadata=replace(saved.metadata, source=source))

    with pytest.raises(CheckpointError, match=r"was not read from a file; name it: `rito\.train\(CORPUS, out="):
        find_source(saved)
    with pytest.raises(CheckpointError, match=r"is no longer at .*gone; name it"):
        find_source(read_from(str(tmp_path / "gone")))
    assert find_source(read_from("hymns")) == "hymns"


def test_the_log_holds_no_place_of_this_machine(tiny_corpus, tmp_path):
    source = str(tmp_path / "my corpus")
    to_the_end(prepare_training(replace(asked(), source=source), tiny_corpus), tmp_path / "run")
    assert "my corpus" not in (tmp_path / "run/log.jsonl").read_text("utf-8")
    assert "my corpus" not in json.dumps(load_model(tmp_path / "run/model.safetensors").metadata)
    assert load_checkpoint(tmp_path / "run").metadata.source == source


def test_a_run_is_not_replaced_in_silence(whole, tmp_path):
    check_free(tmp_path / "new")
    with pytest.raises(ValueError, match=r"holds a run already: resume it .*resume=True.*replace=True"):
        check_free(whole)
    (whole / "last.safetensors").unlink()
    with pytest.raises(ValueError, match="holds a run already"):
        check_free(whole)
    (whole / "log.jsonl").unlink()
    with pytest.raises(FileExistsError, match=r"so it is kept: .*model\.safetensors"):
        check_free(whole)
    check_free(whole, may_replace=True)


def test_a_new_run_in_the_place_of_another_leaves_nothing_of_it(tiny_corpus, whole):
    until(begin(tiny_corpus, seed=4), whole, 2)
    assert names_in(whole) == ["last.safetensors", "log.jsonl"]
    assert load_checkpoint(whole).metadata.plan.seed == 4


def test_a_run_that_finds_no_room_to_begin_leaves_the_old_one(tiny_corpus, whole):
    before, limits = good_files(whole), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"last\.safetensors"):
            next(begin(tiny_corpus, seed=4).checks(whole))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert good_files(whole) == before


def test_a_claimed_folder_that_holds_a_run_stays_as_it_is(tiny_corpus, whole):
    before = good_files(whole)
    with pytest.raises(ValueError, match="holds a run already"), claimed(whole, asked()):
        pass
    assert good_files(whole) == before
    with claimed(whole, asked(), may_replace=True) as saved:  # and the folder is not locked any more
        assert saved is None


def test_a_run_goes_neither_into_a_corpus_nor_among_the_tunes_that_it_learns_from(tiny_corpus, tmp_path):
    tiny_corpus.save(tmp_path / "corpus")
    tunes = tmp_path / "tunes"
    tunes.mkdir()
    with pytest.raises(ValueError, match="is a corpus: choose another folder"):
        check_free(tmp_path / "corpus", may_replace=True)
    with pytest.raises(ValueError, match="tunes holds the tunes to learn from: choose another folder"):
        check_free(tunes, source=str(tmp_path / "corpus" / ".." / "tunes"), may_replace=True)
    check_free(tunes / "run", source=str(tunes))
    check_free(tunes, source="hymns")


def test_processes_that_are_started_again_go_on_with_a_run_of_their_own_alone(tiny_corpus, tmp_path, monkeypatch):
    until(begin(tiny_corpus), tmp_path, 2)
    assert is_under_way(tmp_path)
    assert not is_under_way(tmp_path, may_replace=True)
    for given in ("a name", "none"):  # what torchrun says where none was given
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", given)
        assert not is_under_way(tmp_path, may_replace=True)
        until(begin(tiny_corpus), tmp_path, 2)
        assert is_under_way(tmp_path, may_replace=True)
    assert "job" not in read_log(tmp_path)[0]
    assert not is_under_way(tmp_path / "nothing")
    assert not is_under_way(tmp_path / "nothing", may_replace=True)


# places that cannot be written


def good_files(folder: Path) -> dict[str, bytes]:
    """What is in a run folder, after a look whether each file is whole."""
    load_checkpoint(folder)
    load_model(folder / "model.safetensors")
    read_log(folder)
    return {name: (folder / name).read_bytes() for name in names_in(folder)}


def fail_then_go_on(corpus, folder: Path, spoil, mend) -> Path:
    """Train; after the second check spoil the place; when writing has failed mend it and go on to the end."""
    training = begin(corpus, save_seconds=0.0)
    checks = training.checks(folder)
    next(checks), next(checks)
    before = good_files(folder)
    spoil()
    try:
        with pytest.raises(OSError, match=r"safetensors|log\.jsonl") as failure:
            for _ in checks:
                pass
        assert failure.value.strerror.startswith("cannot be written")
    finally:
        mend()
    after = good_files(folder)
    assert after.keys() == before.keys()  # and nothing half-written beside them
    to_the_end(go_on(corpus, folder), folder)
    return folder


def test_a_place_that_takes_no_more_leaves_the_last_good_files(tiny_corpus, whole, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    cut = fail_then_go_on(
        tiny_corpus,
        tmp_path / "cut",
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1])),
        lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    )
    assert same_end(whole, cut)


def test_a_full_disk_leaves_the_last_good_files(tiny_corpus, whole, small_disk):
    filler = small_disk / "filler"

    def fill() -> None:
        with open(filler, "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    cut = fail_then_go_on(tiny_corpus, small_disk / "cut", fill, filler.unlink)
    assert same_end(whole, cut)


def test_a_disk_that_becomes_read_only_leaves_the_last_good_files(tiny_corpus, whole, small_disk):
    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(small_disk)], check=True)

    cut = fail_then_go_on(tiny_corpus, small_disk / "cut", lambda: remount("ro"), lambda: remount("rw"))
    assert same_end(whole, cut)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_folder_leaves_the_last_good_files(tiny_corpus, whole, tmp_path):
    folder = tmp_path / "cut"
    cut = fail_then_go_on(tiny_corpus, folder, lambda: folder.chmod(0o555), lambda: folder.chmod(0o755))
    assert same_end(whole, cut)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of half a megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("mounting a small disk is refused here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


# kill -9


def ends_as_if_never_killed(folder: Path, seed: int, kills: int) -> int:
    """Kill runs at moments of chance and compare each with the one that was not; how many runs that took."""
    source = Path(ritornello.__file__).parents[1]
    script = Path(__file__).parents[2] / "support" / "killed.py"
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_WAIT_POLICY": "PASSIVE"}
    words = [sys.executable, str(script), str(folder), str(seed), str(kills)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == kills
    cut = sorted(folder.glob("cut-*"))
    assert all(same_end(folder / "whole", one) for one in cut)
    assert not [name for one in cut for name in names_in(one) if name.startswith(".")]
    return len(cut)


def test_five_random_kills_change_nothing(tmp_path):
    assert ends_as_if_never_killed(tmp_path, seed=1, kills=5) >= 1


@pytest.mark.slow
def test_fifty_random_kills_change_nothing(tmp_path):
    assert ends_as_if_never_killed(tmp_path, seed=2, kills=50) >= 2

"""ritornello train: begin, go on, replace, tune, look before it begins; and whole numbers in every verb."""

import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from run_logs import read_log

import ritornello
import ritornello as rito
from ritornello.cli.live_view import LiveView
from ritornello.model.file import load_model
from ritornello.training.run.folder import load_checkpoint

SOURCE = Path(ritornello.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_WAIT_POLICY": "PASSIVE"}
SMALL = ["--preset", "tiny", "--engine", "numpy", "--threads", "1", "--streams", "2", "--bptt-steps", "16"]


@pytest.fixture
def run(command, hymn_corpus, tmp_path) -> Path:
    """A finished run of eight updates."""
    words = ["train", hymn_corpus, "-o", tmp_path / "run", "--updates", 8, "--checks", 2, *SMALL]
    assert command(*words).status == 0
    return tmp_path / "run"


def interrupted(folder: Path, *words: object, when) -> str:
    """Train in another process, press Ctrl-C when `when()` is true, and return what it said on standard error."""
    with subprocess.Popen(
        [sys.executable, "-m", "ritornello", "train", *map(str, words), "-o", str(folder)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 100
        while not when() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.count("\n") == 1
    return err


def test_the_choice_of_engine_is_one_line(command, hymn_corpus, tmp_path):
    words = ["train", hymn_corpus, "-o", tmp_path / "run", *SMALL]
    out = command(*words, "--updates", 1).out
    assert "engine: numpy, cpu, fp32, 1 thread: fixed, so that the run is reproducible\n" in out
    stored = asdict(load_checkpoint(tmp_path / "run").metadata.plan)
    assert (stored["engine"], stored["device"], stored["dtype"], stored["threads"]) == ("numpy", "cpu", "fp32", 1)
    out = command(*words, "--minutes", 0.01, "--replace").out
    [line] = [line for line in out.splitlines() if line.startswith("engine: ")]
    assert "updates/s" in line


@pytest.mark.parametrize(
    ("tunes", "said"),
    [(3, "learning from 3 of 3 tunes, "), (5, "learning from 4 of 5 tunes, "), (10, "learning from 9 of 10 tunes, ")],
)
def test_of_a_folder_with_few_tunes_nearly_all_are_learned_from_and_the_line_says_how_many(
    command, tmp_path, tunes, said
):
    (tmp_path / "tunes").mkdir()
    for n in range(tunes):
        body = " ".join(random.Random(n).choices("CDEFGABc", k=40))
        (tmp_path / f"tunes/{n}.abc").write_text(f"X:1\nT:{n}\nM:4/4\nL:1/4\nK:C\n{body}|\n")
    training = "--updates", 1, "--engine", "numpy", "--threads", 1, "--streams", 2, "--bptt-steps", 16
    for options in (["--preset", "tiny"], ["--from", "hymns-and-songs"]):
        done = command("train", tmp_path / "tunes", "-o", tmp_path / "run", "--replace", *options, *training)
        assert said in done.out
        assert ("too few tunes to hold some out" in done.out) == (tunes == 3)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_before_the_first_check_says_so_and_the_run_can_go_on(hymn_corpus, command, tmp_path):
    folder = tmp_path / "run"
    words = [hymn_corpus, "--updates", 4000, "--checks", 1, *SMALL, "--save-seconds", 0.1]

    def is_training() -> bool:
        return (folder / "last.safetensors").exists() and load_checkpoint(folder).progress.update > 0

    said = interrupted(folder, *words, when=is_training)
    assert "before the first check, so that there is no model yet; go on with" in said
    assert f"ritornello train --resume {folder}" in said
    progress = load_checkpoint(folder).progress
    assert 0 < progress.update < 4000
    assert f"interrupted at update {progress.update} of 4000" in said


def test_a_folder_with_a_run_is_refused_unless_it_may_be_replaced(command, run, hymn_corpus):
    before = (run / "model.safetensors").read_bytes()
    words = ["train", hymn_corpus, "-o", run, "--updates", 2, *SMALL]
    status, _, err = command(*words)
    assert status == 1
    assert f"ritornello train --resume {run}" in err
    assert "--replace" in err
    assert (run / "model.safetensors").read_bytes() == before
    assert command(*words, "--replace").status == 0
    assert load_checkpoint(run).progress.update == 2


@pytest.mark.parametrize(
    "words", [["--resume", "RUN"], ["-o", "RUN", "--resume"], ["CORPUS", "-o", "RUN", "--resume"]]
)
def test_a_run_that_was_stopped_goes_on_in_any_of_three_words(words, command, hymn_corpus, run, tmp_path):
    cut = tmp_path / "cut"

    def stop(check) -> None:
        raise KeyboardInterrupt

    corpus = rito.load_corpus(hymn_corpus)
    options = {"updates": 8, "checks": 2, "threads": 1, "streams": 2, "bptt_steps": 16, "engine": "numpy"}
    with pytest.raises(KeyboardInterrupt):
        rito.train(corpus, cut, preset="tiny", on_check=stop, **options)
    assert load_checkpoint(cut).progress.update == 4
    named = {"RUN": cut, "CORPUS": hymn_corpus}
    if "CORPUS" not in words:
        status, _, err = command("train", *[named.get(word, word) for word in words])
        assert status == 1  # it was begun from a corpus in memory
        assert f"name it: `ritornello train CORPUS -o {cut} --resume`" in err
        words = ["CORPUS", *words] if words[0] == "-o" else ["CORPUS", "-o", "RUN", "--resume"]
    status, out, _ = command("train", *[named.get(word, word) for word in words])
    assert status == 0
    assert "going on at update 4 of 8" in out
    assert (cut / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert [line["update"] for line in read_log(cut)[1:]] == [4, 8]


def test_a_run_among_the_tunes_that_it_learns_from_does_not_learn_from_itself(command, hymn_folder, tmp_path):
    def press(view, look) -> None:
        raise KeyboardInterrupt

    tunes = shutil.copytree(hymn_folder, tmp_path / "tunes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveView, "show", press)
        assert command("train", tunes, "-o", tunes / "run", "--updates", 8, "--checks", 2, *SMALL).status == 130
    assert list((tunes / "run/samples").glob("*.mid"))
    status, out, err = command("train", "--resume", tunes / "run")
    assert (status, err) == (0, "")
    assert "going on at update 4 of 8" in out


def test_a_run_is_not_taken_for_tunes(command, run, tmp_path):
    status, _, err = command("train", run, "-o", tmp_path / "new", *SMALL)
    assert (status, err.count("\n")) == (1, 1)
    assert f"`ritornello train --resume {run}`" in err
    assert f"--from {run}" in err
    assert not (tmp_path / "new").exists()


def test_the_folder_of_the_tunes_is_not_the_run_s(command, hymn_folder):
    before = sorted(hymn_folder.iterdir())
    status, _, err = command("train", hymn_folder, "-o", hymn_folder, *SMALL)
    assert status == 1
    assert "holds the tunes to learn from: choose another folder" in err
    assert sorted(hymn_folder.iterdir()) == before


@pytest.mark.parametrize("base", ["", "model.safetensors"])
def test_a_run_does_not_take_the_place_of_what_it_goes_on_from(base, command, run, hymn_corpus):
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    status, _, err = command("train", hymn_corpus, "--from", run / base, "-o", run, "--replace", "--updates", 2)
    assert (status, err.count("\n")) == (1, 1)
    assert "would be replaced by the run that fine-tunes it: choose another folder" in err
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


def test_what_was_started_again_does_not_go_on_with_the_run_that_it_is_to_replace(
    command, run, hymn_corpus, monkeypatch
):
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    words = ["train", hymn_corpus, "-o", run, "--updates", 2, "--replace", *SMALL]
    assert command(*words).status == 0
    assert load_checkpoint(run).progress.update == 2
    assert "at its end (finished)" in command(*words).out  # this one it began itself


def test_the_result_is_what_was_learned_over_the_n_gram(command, hymn_corpus, tmp_path):
    words = ["train", hymn_corpus, "-o", tmp_path / "run", "--updates", 8, "--checks", 2, *SMALL]
    [line] = command(*words, "-q").out.splitlines()
    pattern = r"learned: (\S+) bits per note on validation tunes, (\S+) (fewer|more) than the n-gram's (.+); .*"
    told = re.fullmatch(pattern, line)
    assert told, line
    best = load_checkpoint(tmp_path / "run").progress.best_update
    assert f"; {tmp_path / 'run' / 'model.safetensors'}, best at update {best}" in line
    value = json.loads(command(*words, "--replace", "--json").out)
    watched = read_log(tmp_path / "run")[0]["held_out"]
    bits = value["validation_nll"] * watched["tokens"] / watched["notes"] / math.log(2)
    assert value["bits_per_note"] == pytest.approx(bits)
    assert told[1] == f"{value['bits_per_note']:.2f}"
    assert told[4].startswith(f"{value['ngram_bits_per_note']:.2f}")
    assert value["base_bits_per_note"] is None
    again = json.loads(command("train", "--resume", tmp_path / "run", "--json").out)
    assert again["bits_per_note"] == value["bits_per_note"]


def test_what_is_typed_is_compared_with_the_stored_plan_also_where_it_is_the_default(command, hymn_corpus, tmp_path):
    run = tmp_path / "run"
    assert command("train", hymn_corpus, "-o", run, "--updates", 1, "--seed", 5, *SMALL).status == 0
    status, _, err = command("train", "--resume", run, "--seed", 0)
    assert status == 1
    assert "--seed is 0 now, but the run was planned with 5" in err
    assert command("train", "--resume", run, "--seed", 5).status == 0
    assert command("train", "--resume", run).status == 0


def test_plan_and_dry_run_count_an_update_alike(command, hymn_corpus):
    words = ["train", hymn_corpus, "--dry-run", "--updates", 10, *SMALL]  # two tokens to a step of interval
    out = command(*words).out
    assert "plan: 10 updates of 2 x 16 steps (64 tokens)" in out
    assert "an update: 64 tokens" in out


def test_the_epochs_of_a_dry_run_count_the_old_style_too(command, little_model, hymn_corpus):
    words = ["--updates", 100, "--threads", 1, "--streams", 2, "--bptt-steps", 16, "--engine", "numpy", "--json"]
    value = json.loads(command("train", hymn_corpus, "--dry-run", "--from", little_model, *words).out)
    assert value["old_style_tokens"] >= value["train_tokens"] / 3
    assert value["epochs"] == pytest.approx(100 * 32 / (value["train_tokens"] + value["old_style_tokens"]))


def test_ctrl_c_while_tunes_are_read_promises_nothing(command, hymn_folder, tmp_path, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ritornello.api.run.load_corpus", press)
    status, _, err = command("train", hymn_folder, "-o", tmp_path / "run")
    assert (status, err) == (130, "ritornello: interrupted before training began; nothing was written\n")


def test_a_finished_run_says_that_it_is_at_its_end(command, run):
    status, out, _ = command("train", "--resume", run)
    assert status == 0
    assert "at its end (finished)" in out
    assert f"`ritornello train --resume {run} --minutes +1`" in out
    status, out, _ = command("train", "--resume", run, "--minutes", "+0.02", "--quiet")
    assert status == 0
    assert len([line for line in read_log(run) if "validation_nll" in line]) > 2
    status, _, err = command("train", "hymns", "-o", run.parent / "other", "--minutes", "+3")
    assert (status, "minutes +3 is for a run that is resumed" in err) == (1, True)


def test_a_run_killed_between_its_end_and_its_report_has_one_when_it_is_resumed(command, run):
    (run / "report.html").unlink()
    assert command("train", "--resume", run).status == 0
    assert "bits per note" in (run / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--resume", "none"], 1, "none: no run to resume"),
        (["--resume", "RUN", "--seed", "5"], 1, "--seed is 5 now, but the run was planned with 0: leave it out"),
        (["--resume", "RUN", "--preset", "large"], 1, "--preset is another network"),
        (["--resume", "RUN", "--plain"], 1, "the encoding is another one"),
        (["--resume", "RUN", "--replace"], 2, "leave --from, --replace and --dry-run out"),
        (["hymns"], 2, "missing the run folder to write: -o RUN"),
        (["-o", "new"], 2, "missing CORPUS"),
        (["hymns", "-o", "new", "--from", "hymns-and-songs", "--plain"], 1, "its vocabulary cannot be changed"),
        (["hymns", "-o", "new", "--from", "nothing"], 1, "nothing: no such model"),
        (
            ["hymns", "-o", "new", "--engine", "numpy", "--dtype", "bf16"],
            1,
            "the numpy engine trains on the cpu in fp32",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words, status, message, command, run, monkeypatch):
    monkeypatch.chdir(run.parent)
    said = command("train", *[run if word == "RUN" else word for word in words])
    assert (said.status, said.err.count("\n")) == (status, 1)
    assert message in said.err
    assert not (run.parent / "new").exists()


def test_a_dry_run_tells_sizes_and_time_and_writes_nothing(command, hymn_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = command("train", hymn_corpus, "--dry-run", "--encoding", "grid", "--updates", 100, *SMALL)
    assert status == 0
    for word in ("weights", "memory: about", "an epoch: ", "time: about", "nothing was trained or written"):
        assert word in out
    value = json.loads(
        command("train", hymn_corpus, "--dry-run", "--encoding", "grid", "--updates", 100, *SMALL, "--json").out
    )
    # embedding 154 x 128; 4 x 128 rows of 128 + 128 and a bias; output 153 x 128 and a bias
    assert value["weights"] == 154 * 128 + 512 * (128 + 128 + 1) + 153 * 129
    assert value["tokens_per_update"] == 32
    assert value["epochs"] == pytest.approx(3200 / value["train_tokens"])
    assert value["seconds"] > 0
    assert list(tmp_path.iterdir()) == []


def test_going_on_from_a_model_tells_both_figures(command, little_model, hymn_corpus, tmp_path):
    words = ["--updates", 4, "--checks", 2, "--threads", 1, "--streams", 2, "--bptt-steps", 16, "--engine", "numpy"]
    status, out, err = command("train", hymn_corpus, "-o", tmp_path / "tuned", "--from", little_model, *words)
    assert (status, err) == (0, "")
    assert f"on 1 validation tune {little_model} has " in out
    assert "bits per note, the tuned model " in out
    last = out.splitlines()[-1]
    assert "the model it began from" in last
    assert "fewer than the n-gram" not in last
    assert "it beats the n-gram" not in out
    assert load_model(tmp_path / "tuned/model.safetensors").metadata["parent"]["name"] == little_model.name


def test_where_nothing_is_held_out_no_figure_is_called_held_out(command, little_model, tmp_path):
    (tmp_path / "tune.abc").write_text("X:1\nL:1/4\nM:4/4\nK:C\nCDEF | GABc | edcB | AGEC |]\n", "utf-8")
    words = ["--updates", 2, "--checks", 1, "--threads", 1, "--streams", 2, "--bptt-steps", 16, "--engine", "numpy"]
    status, out, err = command("train", tmp_path / "tune.abc", "-o", tmp_path / "run", "--from", little_model, *words)
    assert (status, err) == (0, "")
    last = out.splitlines()[-1]
    assert re.search(
        r"^learned: \d+\.\d\d bits per note in training; there were no validation tunes .*model.safetensors", last
    )
    assert "held-out" not in last
    assert "0 validation tunes" not in out
    assert "blew up" not in out


@pytest.mark.parametrize(
    "words",
    [
        ["train", "hymns", "-o", "x", "--updates", "2.5"],
        ["train", "hymns", "-o", "x", "--seed", "1.9"],
        ["train", "hymns", "-o", "x", "--steps-per-quarter", "4.4"],
        ["generate", "hymns-and-songs", "-o", "x", "--bars", "4.5"],
        ["generate", "hymns-and-songs", "-o", "x", "-n", "0.7"],
        ["demo", "-o", "x", "--seed", "0.5"],
    ],
)
def test_a_fraction_is_no_whole_number(words, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = command(*words)
    assert (status, err.count("\n")) == (2, 1)
    assert f"Invalid value for {words[-2]}: a whole number is needed here, not {words[-1]}" in err
    assert list(tmp_path.iterdir()) == []


def test_a_whole_number_may_be_written_with_a_point_and_a_fraction_may_be_a_fraction(command, hymn_corpus, tmp_path):
    words = ["train", hymn_corpus, "-o", tmp_path / "run", "--updates", "1.0", "--dropout", "0.25", *SMALL]
    assert command(*words).status == 0
    assert load_checkpoint(tmp_path / "run").metadata.plan.dropout == 0.25

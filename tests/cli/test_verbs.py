"""Each verb on tiny data: what it writes, what it says, and where it says it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
import soundfile
from outputs import names_in

import ritornello
from ritornello.model.file import load_model
from ritornello.music.files import read

SOURCE = Path(ritornello.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}
SMALL = ["--preset", "tiny", "--threads", "1", "--streams", "4", "--bptt-steps", "32"]


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# help and usage


@pytest.mark.parametrize(
    "verb",
    [
        "demo",
        "corpus build",
        "corpus explain",
        "corpus show",
        "train",
        "generate",
        "evaluate",
        "render",
        "play",
        "ports",
        "vote",
        "kit",
    ],
)
def test_every_verb_has_help_with_an_example(command, verb):
    status, out, _ = command(*verb.split(), "--help")
    assert status == 0
    assert f"Example: ritornello {verb}" in " ".join(out.split())


def test_the_version_is_the_packages(command):
    assert command("--version") == (0, f"{ritornello.__version__}\n", "")


def test_without_a_verb_the_verbs_are_shown(command):
    status, out, _ = command()
    assert status == 0
    for verb in ("demo", "corpus", "train", "generate", "evaluate", "render"):
        assert verb in out


def test_both_names_are_declared_and_the_module_runs(repo_root):
    import tomllib

    scripts = tomllib.loads((repo_root / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts == {"ritornello": "ritornello.cli:entry", "rito": "ritornello.cli:entry"}
    done = subprocess.run(
        [sys.executable, "-m", "ritornello", "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{ritornello.__version__}\n"


# corpus


def test_corpus_build_reports_every_file_and_keeps_what_it_can(command, hymn_folder, tmp_path):
    bad = tmp_path / "page.mid"
    bad.write_bytes(b"<html><body>404</body></html>")
    status, out, err = command("corpus", "build", bad, hymn_folder, "-o", tmp_path / "corpus")
    assert (status, err) == (0, "")
    assert "kept 10 of 11 files" in out.splitlines()[-1]
    report = lines_of(tmp_path / "corpus/report.jsonl")
    assert len(report) == 11
    for line in report:
        assert {"path", "status", "reason", "remedy", "melodies", "notes"} <= line.keys()
    assert [line["status"] for line in report] == ["dropped"] + 10 * ["kept"]
    assert (report[0]["path"], report[0]["reason"], report[0]["notes"]) == (str(bad), "wrong_kind", 0)
    assert "fetch the file" in report[0]["remedy"]
    hymn = next(line for line in report if "Away_In_A_Manger" in line["path"])
    assert (hymn["reason"], hymn["remedy"], hymn["melodies"], hymn["notes"]) == ("ok", "", 1, 44)


def test_corpus_build_with_an_explicit_split_keeps_copies_and_order(command, hymn_folder, tmp_path):
    first = sorted(hymn_folder.glob("*.abc"))[0]
    copy = tmp_path / "zz_copy.abc"
    copy.write_bytes(first.read_bytes())
    hashed, explicit = tmp_path / "hashed", tmp_path / "explicit"
    assert command("corpus", "build", hymn_folder, copy, "-o", hashed).status == 0
    assert command("corpus", "build", hymn_folder, copy, "-o", explicit, "--split", "last:0.1").status == 0
    assert [line["reason"] for line in lines_of(hashed / "report.jsonl")][-1] == "duplicate"
    assert [line["status"] for line in lines_of(explicit / "report.jsonl")] == 11 * ["kept"]
    pieces = lines_of(explicit / "pieces.jsonl")
    splits = [piece["split"] for piece in pieces]
    assert (splits[9:], {*splits[:9]}) == (["test", "test"], {"train", "validation"})


def test_corpus_build_says_its_outcome_as_one_json_value(command, hymn_folder, tmp_path):
    status, out, err = command("corpus", "build", hymn_folder, "-o", tmp_path / "c", "--json")
    value = json.loads(out)
    assert status == 0
    assert (value["files"], value["kept"], value["pieces"]) == (10, 10, 10)
    assert err.count("kept ") == 10


def test_corpus_build_makes_the_same_corpus_twice(command, hymn_folder, tmp_path):
    for name in ("one", "two"):
        command("corpus", "build", hymn_folder, "-o", tmp_path / name)
    names = ["notes.npy", "pieces.jsonl", "report.html", "report.jsonl"]
    assert names_in(tmp_path / "one") == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_corpus_show_counts_and_draws(command, hymn_corpus, tmp_path):
    status, out, err = command("corpus", "show", hymn_corpus, "--picture", tmp_path / "corpus.svg")
    assert (status, err) == (0, "")
    assert out.startswith("10 pieces, 10 melodies, ")
    for title in ("notes by pitch", "notes by duration", "melodies by key", "melodies by metre"):
        assert title in out
    assert (tmp_path / "corpus.svg").read_text("utf-8").startswith("<svg")
    value = json.loads(command("corpus", "show", hymn_corpus, "--json").out)
    assert sum(value["pitches"].values()) == sum(line["notes"] for line in lines_of(hymn_corpus / "report.jsonl"))


def test_corpus_show_knows_the_embedded_corpus(command):
    status, out, _ = command("corpus", "show", "hymns")
    assert status == 0
    assert "249 pieces" in out


# train


@pytest.fixture(scope="module")
def trained(tmp_path_factory, hymn_corpus):
    """A run of twenty updates, with what the command said on both streams."""
    folder = tmp_path_factory.mktemp("run") / "run"
    words = ["train", hymn_corpus, "-o", folder, "--updates", 20, *SMALL, "--checks", 4, "--json"]
    command = [sys.executable, "-m", "ritornello", *map(str, words)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120)
    return folder, done


def test_train_writes_a_model_and_a_log(trained):
    folder, done = trained
    assert done.returncode == 0, done.stderr
    assert {"last.safetensors", "log.jsonl", "model.safetensors"} <= {p.name for p in folder.iterdir()}
    plan, *checks = lines_of(folder / "log.jsonl")
    assert plan["plan"]["updates"] == 20
    assert [check["update"] for check in checks] == [5, 10, 15, 20]
    assert checks[-1]["validation_nll"] < checks[0]["validation_nll"]
    best = min(checks, key=lambda check: check["validation_nll"])
    value = json.loads(done.stdout)
    assert value["model"] == str(folder / "model.safetensors")
    assert (value["update"], value["validation_nll"]) == (best["update"], best["validation_nll"])
    assert load_model(folder / "model.safetensors").metadata["validation_nll"] == best["validation_nll"]


def test_train_shows_its_plan_and_plain_progress_lines_without_a_terminal(trained):
    _, done = trained
    said = done.stderr.splitlines()
    assert any(line.startswith("plan: 20 updates of 4 x 32 steps (256 tokens)") for line in said)
    assert [line.split()[2] for line in said if " of 20  epoch " in line] == ["5", "10", "15", "20"]
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr


def test_train_with_a_number_of_updates_and_a_seed_is_repeatable(trained, hymn_corpus, command, tmp_path):
    folder, _ = trained
    words = ["train", hymn_corpus, "--updates", 20, *SMALL, "--checks", 4, "-q"]
    assert command(*words, "-o", tmp_path / "again").status == 0
    assert (tmp_path / "again/model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert command(*words, "-o", tmp_path / "other", "--seed", 7).status == 0
    assert (tmp_path / "other/model.safetensors").read_bytes() != (folder / "model.safetensors").read_bytes()


def test_train_takes_a_folder_of_tunes_as_it_is(command, hymn_folder, tmp_path):
    status, out, err = command("train", hymn_folder, "-o", tmp_path / "run", "--updates", 1, *SMALL)
    assert (status, err) == (0, "")
    assert out.count("kept ") == 10
    assert (tmp_path / "run/model.safetensors").is_file()


def heed_interrupts() -> None:
    """A program that is started in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_leaves_a_usable_model_and_says_so_in_one_line(hymn_corpus, command, tmp_path):
    folder = tmp_path / "run"
    words = ["train", hymn_corpus, "-o", folder, "--updates", 100_000, *SMALL, "--checks", 20_000]
    with subprocess.Popen(
        [sys.executable, "-m", "ritornello", *map(str, words)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 100
        while not (folder / "model.safetensors").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("ritornello: interrupted at update ")
    assert str(folder / "model.safetensors") in err
    assert "ritornello generate" in err
    assert f"ritornello train --resume {folder}" in err
    assert err.count("\n") == 1
    assert not [name for name in names_in(folder) if name.startswith(".")]
    assert command("generate", folder, "-o", tmp_path / "tunes").status == 0


# generate


def test_generate_writes_one_midi_file_for_each_tune(command, little_model, tmp_path):
    status, out, err = command("generate", little_model, "-n", 3, "--seed", 5, "--bars", 4, "-o", tmp_path / "out")
    assert (status, err) == (0, "")
    names = [f"seed5-00{n}.mid" for n in (1, 2, 3)]
    assert names_in(tmp_path / "out") == names
    assert [line.partition(": ")[0] for line in out.splitlines()] == [str(tmp_path / "out" / n) for n in names]
    for name in names:
        [piece] = read(tmp_path / "out" / name)
        assert all(55 <= note.pitch <= 79 for note in piece.parts[0].notes)  # the compass that the model learned


def test_generate_gives_the_same_bytes_twice_in_any_number(command, little_model, tmp_path):
    options = ["--seed", 9, "--bars", 4]
    command("generate", little_model, "-n", 3, *options, "-o", tmp_path / "three")
    command("generate", little_model, "-n", 3, *options, "-o", tmp_path / "again")
    command("generate", little_model, *options, "-o", tmp_path / "one")
    for path in (tmp_path / "three").iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert (tmp_path / "one/seed9-001.mid").read_bytes() == (tmp_path / "three/seed9-001.mid").read_bytes()


def test_generate_draws_a_seed_and_tells_it(command, little_model, tmp_path):
    value = json.loads(command("generate", little_model, "--json", "-o", tmp_path / "out").out)
    [tune] = value
    assert tune.keys() >= {"path", "seed", "index", "notes"}
    again = command("generate", little_model, "--seed", tune["seed"], "-o", tmp_path / "again")
    assert again.status == 0
    assert (tmp_path / "again" / Path(tune["path"]).name).read_bytes() == Path(tune["path"]).read_bytes()


def test_generate_goes_on_from_a_primer_of_notes_or_a_file(command, little_model, tmp_path):
    words = ["generate", little_model, "--seed", 1]
    command(*words, "--bars", 4, "--primer", "C4:1/2 E4:1/2 G4:1", "-o", tmp_path / "notes")
    [piece] = read(tmp_path / "notes/seed1-001.mid")
    assert [(n.start, n.duration, n.pitch) for n in piece.parts[0].notes[:2]] == [(0, 240, 60), (240, 240, 64)]
    assert (piece.parts[0].notes[2].start, piece.parts[0].notes[2].pitch) == (480, 67)
    status = command(
        *words, "--primer", tmp_path / "notes/seed1-001.mid", "--bars", 9, "-o", tmp_path / "file"
    ).status
    assert status == 0
    [longer] = read(tmp_path / "file/seed1-001.mid")
    assert [n.pitch for n in longer.parts[0].notes[:3]] == [60, 64, 67]
    assert len(longer.parts[0].notes) > 3


def test_generate_keeps_to_a_metre_a_range_and_a_scale(command, little_model, tmp_path):
    options = ["--metre", "3/4", "--range", "C4-C6", "--key", "D", "--scale-lock", "--qpm", 90]
    assert command("generate", little_model, "-n", 4, "--seed", 2, *options, "-o", tmp_path).status == 0
    for path in tmp_path.glob("*.mid"):
        [piece] = read(path)
        assert (piece.timeline.metre.numerator, piece.timeline.metre.denominator) == (3, 4)
        assert piece.timeline.tempos[0].qpm == pytest.approx(90, abs=0.001)
        assert {n.pitch % 12 for n in piece.parts[0].notes} <= {2, 4, 6, 7, 9, 11, 1}
        assert all(60 <= n.pitch <= 84 for n in piece.parts[0].notes)


def test_generate_quietly_names_the_files_alone(command, little_model, tmp_path):
    assert command("generate", little_model, "--seed", 1, "-q", "-o", tmp_path) == (
        0, f"{tmp_path / 'seed1-001.mid'}\n", "",
    )  # fmt: skip


# evaluate


def test_evaluate_answers_in_json(command, little_model, hymn_corpus):
    status, out, _ = command("evaluate", little_model, hymn_corpus, "--json")
    assert status == 0
    value = json.loads(out)
    assert value["split"] == "test"
    assert {"nll_per_token", "bits_per_note", "bits_per_quarter", "notes", "tokens", "baselines"} <= value.keys()
    held_out = [piece for piece in lines_of(hymn_corpus / "pieces.jsonl") if piece["split"] == "test"]
    assert len(held_out) == 2
    # the units are tied to each other: nats per token times tokens is bits per note times notes
    bits = value["nll_per_token"] * value["tokens"] / 0.6931471805599453
    assert bits == pytest.approx(value["bits_per_note"] * value["notes"])
    assert set(value["baselines"]) == {"uniform", "unigram", "ngram_tokens", "ngram_pairs"}


def test_evaluate_tells_a_person_a_table(command, little_model, hymn_corpus):
    status, out, err = command("evaluate", little_model, hymn_corpus, "--split", "validation")
    assert (status, err) == (0, "")
    assert out.startswith("validation: ")
    assert [line.split()[0] for line in out.splitlines()[2:]][-4:] == [
        "uniform",
        "unigram",
        "ngram_tokens",
        "ngram_pairs",
    ]


def test_evaluate_scores_a_single_file_whole(command, little_model, repo_root):
    hymn = repo_root / "tests/fixtures/hymns/Away_In_A_Manger-Mueller.abc"
    value = json.loads(command("evaluate", little_model, hymn, "--json").out)
    assert (value["notes"], value["split"]) == (44, "all")


# render


@pytest.fixture(scope="module")
def sources(tmp_path_factory, repo_root):
    """The same hymn tune as MIDI, ABC and MusicXML."""
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.music.files import write

    folder = tmp_path_factory.mktemp("sources")
    melody = pick_melody(read(repo_root / "tests/fixtures/hymns/Away_In_A_Manger-Mueller.abc")[0])
    for suffix in ("mid", "abc", "musicxml"):
        write(melody, folder / f"hymn.{suffix}")
    return folder


STARTS = {
    ".svg": b"<svg", ".png": b"\x89PNG", ".html": b"<!doctype html", ".musicxml": b"<?xml", ".abc": b"X:",
    ".wav": b"RIFF", ".mp3": (b"\xff", b"ID3"), ".ogg": b"OggS", ".flac": b"fLaC", ".mid": b"MThd",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["mid", "abc", "musicxml"])
@pytest.mark.parametrize("suffix", STARTS)
def test_render_writes_what_the_suffix_says(command, sources, tmp_path, kind, suffix):
    if suffix == ".png":
        pytest.importorskip("resvg_py")
    out = tmp_path / f"out{suffix}"
    assert command("render", sources / f"hymn.{kind}", "-o", out) == (0, f"{out}\n", "")
    content = out.read_bytes()
    assert content[:15].lower().startswith(STARTS[suffix]) or content.startswith(STARTS[suffix])
    check_content(out, suffix)
    assert names_in(tmp_path) == [out.name]


def check_content(path: Path, suffix: str) -> None:
    """The hymn is there as a whole: 44 notes, on the staff or in the file, or as long as it sounds."""
    if suffix in (".mid", ".musicxml", ".abc"):
        assert len(read(path)[0].parts[0].notes) == 44
    elif suffix in (".svg", ".html"):
        assert {int(n) for n in re.findall(r'data-note="(\d+)"', path.read_text("utf-8"))} == set(range(44))
    elif suffix == ".png":
        width, height = (int.from_bytes(path.read_bytes()[at : at + 4], "big") for at in (16, 20))
        assert width > height > 100
    else:
        assert soundfile.info(path).duration > 20


@pytest.mark.parametrize(
    ("body", "suffix", "words"),
    [
        ("C:Isaac Watts\nK:C\nCDEF|GABc|]", ".mid", "out.mid is without the composer (Isaac Watts) of song.abc"),
        ("C:Isaac Watts\nK:C\nCDEF|GABc|]", ".wav", ""),
        ("K:C\nCDEF|GABc|]", ".mid", ""),
        ("Q:1/4=10\nK:C\n" + "CDEF|" * 16, ".svg", "song.abc lasts 6 minutes: making out.svg takes a while"),
        ("Q:1/4=10\nK:C\n" + "CDEF|" * 16, ".abc", ""),
    ],
)  # fmt: skip
def test_render_says_what_it_leaves_out_and_what_takes_long(command, tmp_path, monkeypatch, body, suffix, words):
    monkeypatch.chdir(tmp_path)
    Path("song.abc").write_text(f"X:1\nT:A song\nM:4/4\nL:1/4\n{body}\n")
    status, out, err = command("render", "song.abc", "-o", f"out{suffix}")
    assert (status, out, err) == (0, f"out{suffix}\n", f"ritornello: {words}\n" if words else "")


@pytest.mark.parametrize("suffix", [".abc", ".musicxml"])
def test_render_keeps_the_composer(command, tmp_path, suffix):
    (tmp_path / "song.abc").write_text("X:1\nT:A song\nC:Isaac Watts & others\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")
    status, _, err = command("render", tmp_path / "song.abc", "-o", tmp_path / f"out{suffix}")
    assert (status, err) == (0, "")
    assert read(tmp_path / f"out{suffix}")[0].composer == "Isaac Watts & others"


@pytest.mark.parametrize("suffix", ["mid", "abc", "musicxml"])
def test_render_to_another_format_keeps_every_note(command, sources, tmp_path, suffix):
    for kind in ("mid", "abc", "musicxml"):
        out = tmp_path / f"{kind}.{suffix}"
        assert command("render", sources / f"hymn.{kind}", "-o", out).status == 0
        [before], [after] = read(sources / f"hymn.{kind}"), read(out)
        resolution = before.timeline.ticks_per_quarter, after.timeline.ticks_per_quarter
        assert [(n.start * resolution[1], n.pitch) for n in before.parts[0].notes] == [
            (n.start * resolution[0], n.pitch) for n in after.parts[0].notes
        ]


# all verbs


def test_quiet_says_nothing_but_the_result(command, hymn_folder, hymn_corpus, tmp_path):
    assert len(command("corpus", "build", hymn_folder, "-o", tmp_path / "c", "-q").out.splitlines()) == 1
    said = command("train", hymn_corpus, "-o", tmp_path / "r", "--updates", 2, *SMALL, "-q")
    assert len(said.out.splitlines()) == 1
    assert said.err == ""


def test_a_closed_pipe_is_no_traceback(hymn_corpus):
    command = f"{sys.executable} -m ritornello corpus show {hymn_corpus} | head -1"
    done = subprocess.run(command, shell=True, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("10 pieces")
    assert done.stderr == ""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 74.5 GiB for an array"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: error code 12"),
        RuntimeError("CUDA out of memory. Tried to allocate 74.50 GiB"),
    ],
)
def test_a_machine_without_enough_memory_is_told_in_one_line(command, tmp_path, monkeypatch, error):
    monkeypatch.setattr("ritornello.api.run.load_corpus", raising(error))
    status, _, err = command("train", "hymns", "-o", tmp_path / "run")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith("ritornello: out of memory: ask for less at once (in training a smaller --preset")


def test_a_mistake_of_the_program_is_not_called_want_of_memory(command, tmp_path, monkeypatch):
    monkeypatch.setattr("ritornello.api.run.load_corpus", raising(RuntimeError("a mistake")))
    with pytest.raises(RuntimeError, match="a mistake"):
        command("train", "hymns", "-o", tmp_path / "run")


def test_ctrl_c_while_the_verbs_are_loaded_is_one_line(command, monkeypatch):
    class Pressed(ModuleType):
        def __getattr__(self, name: str):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ritornello.cli.verbs", Pressed("ritornello.cli.verbs"))
    assert command("--version") == (130, "", "ritornello: interrupted before it began\n")


@pytest.mark.parametrize("kind", [RuntimeError, SystemError])
def test_ctrl_c_that_python_wraps_in_another_error_is_one_line(command, monkeypatch, kind):
    wrapped = kind("Error calling __set_name__")
    wrapped.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr("ritornello.api.runs", raising(wrapped))
    assert command("runs") == (130, "", "ritornello: interrupted\n")


def raising(error: Exception):
    """A function that raises it."""

    def fail(*_):
        raise error

    return fail

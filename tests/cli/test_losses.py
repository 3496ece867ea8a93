"""What an encoding cannot keep of a corpus is told by `evaluate` and `train`; where all is kept nothing is said."""

import json
from pathlib import Path

import pytest

import ritornello as rito
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Grid
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Metre, Note, Timeline

# On a grid of sixteenths (120 ticks) the onsets at 160 and 320 move to 120 and 360, and the three thirds of a beat
# become 1, 2 and 1 steps: two are moved, three resized. Of two notes in one step the later, at 40 ticks, is lost, and
# the other becomes a whole step.
THIRDS, SPLIT = (160, 160, 160), (40, 440)
SAID = "the encoding ('grid', 4 steps per quarter) does not keep all of"
SMALL = ["--preset", "tiny", "--engine", "numpy", "--threads", "1", "--streams", "2", "--bptt-steps", "16"]


def tune(lengths: tuple[int, ...]) -> Melody:
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    notes = [Note(start, length, 60 + n) for n, (start, length) in enumerate(zip(starts, lengths, strict=True))]
    return Melody(tuple(notes), Timeline(480, sum(lengths)))


@pytest.fixture(scope="module")
def model(tmp_path_factory, make_tensors) -> Path:
    path = tmp_path_factory.mktemp("model") / "sixteenths.safetensors"
    save_model(path, ModelFile(make_tensors(145, scale=0.3), NetworkOptions(2, 16, 16), Grid(version=1)))
    return path


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> Path:
    """Two corpora: `quarters`, and `thirds`, whose tunes have what the grid cannot keep in every split."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, beats in (("quarters", (480, 480)), ("thirds", THIRDS + SPLIT)):
        melodies = [tune((480,) * n + beats) for n in range(1, 9)]
        splits = ["train"] * 5 + ["validation"] + ["test"] * 2
        pieces = [
            (CorpusPiece(f"{n}.mid", (), split=split, family=str(n)), [melody])
            for n, (split, melody) in enumerate(zip(splits, melodies, strict=True))
        ]
        corpus_of(pieces).save(folder / name)
    return folder


def test_evaluate_tells_them_in_a_line_and_in_json(command, model, corpora):
    out = command("evaluate", model, corpora / "thirds").out
    # two tunes, of 7 and 8 quarters and five shorter notes each
    assert f"{SAID} 25 notes: 4 moved, 8 resized, 2 lost" in out.splitlines()
    value = json.loads(command("evaluate", model, corpora / "thirds", "--json", "--no-baselines").out)
    assert value["losses"] == {"moved": 4, "resized": 8, "lost": 2, "metres": 0, "notes": 25}
    assert rito.load_model(model).evaluate(corpora / "thirds")["losses"] == value["losses"]


def test_a_single_file_has_its_line_too(command, model, tmp_path):
    (tmp_path / "triplets.abc").write_text("X:1\nL:1/8\nM:2/4\nK:C\n(3CDE (3FGA | c4 |]\n", "utf-8")
    said = command("evaluate", model, tmp_path / "triplets.abc")
    assert said.status == 0
    assert f"{SAID} 7 notes: 4 moved, 6 resized" in said.out.splitlines()


def test_train_tells_them_of_what_it_learns_from_and_checks_by(command, corpora, tmp_path):
    words = ["train", corpora / "thirds", "--encoding", "grid", "--updates", 2, "--checks", 1, *SMALL]
    out = command(*words, "-o", tmp_path / "run").out
    # six tunes: one to six quarters, and five shorter notes each
    assert f"{SAID} 51 notes: 12 moved, 24 resized, 6 lost" in out.splitlines()
    counts = {"moved": 12, "resized": 24, "lost": 6, "metres": 0, "notes": 51}
    assert json.loads(command(*words, "-o", tmp_path / "other", "--json").out)["losses"] == counts
    assert json.loads(command(*words, "--dry-run", "--json").out)["losses"] == counts


def test_nothing_is_said_where_every_note_is_kept(command, model, corpora, tmp_path):
    said = command("evaluate", model, corpora / "quarters").out
    said += command("train", corpora / "quarters", "-o", tmp_path / "run", "--updates", 1, *SMALL).out
    assert "does not keep" not in said


def test_train_tells_of_changes_of_metre_that_the_plain_grid_does_not_write(command, tmp_path):
    melody = Melody(tune((480,) * 7).notes, Timeline(480, 3360, (Metre(0, 4, 4), Metre(1920, 3, 4))))
    pieces = [(CorpusPiece(f"{n}.mid", (), split="train", family=str(n)), [melody]) for n in range(4)]
    corpus_of(pieces).save(tmp_path / "changing")
    line = "does not write 4 metres, most often where one changes"
    for options, is_said in ((["--plain"], True), ([], False)):
        words = [
            "train",
            tmp_path / "changing",
            "--encoding",
            "grid",
            *options,
            "--updates",
            1,
            "--checks",
            1,
            *SMALL,
        ]
        assert (line in command(*words, "-o", tmp_path / f"run{is_said}").out) == is_said

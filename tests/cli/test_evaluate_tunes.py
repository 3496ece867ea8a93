"""evaluate: all splits, figures of each tune, several models, and a table of what each note cost."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

import ritornello as rito
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Note, Timeline


def tune(pitches: list[int]) -> Melody:
    return Melody(
        tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches)), Timeline(480, 480 * len(pitches))
    )


SPLITS = {"train": [[60, 62, 64, 65]] * 3, "validation": [[67, 65]], "test": [[60, 64, 67, 72], [55, 57], [60] * 8]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A corpus of three tunes to learn from, one to check with and three to test with."""
    pieces = [
        (CorpusPiece(f"{split}{n}.mid", (), f"No. {n}", split=split, family=f"{split}{n}"), [tune(pitches)])
        for split, tunes in SPLITS.items()
        for n, pitches in enumerate(tunes)
    ]
    path = tmp_path_factory.mktemp("corpora") / "seven"
    corpus_of(pieces).save(path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory, make_tensors):
    """Three models of random weights, two of them of the same encoding."""
    home = tmp_path_factory.mktemp("models")
    for seed, encoding in enumerate((Grid(), Grid(), Grid(12))):
        tensors = make_tensors(encoding.vocabulary.size, scale=0.3, seed=seed)
        file = ModelFile(tensors, NetworkOptions(2, 16, 16), encoding, {})
        save_model(home / f"m{seed}.safetensors", file)
    return [home / f"m{n}.safetensors" for n in range(3)]


def cost(model: Path, pitches: list[int]) -> float:
    """Bits of a tune, by the sum over its tokens."""
    file = load_model(model)
    return melody_nats(file.build(), [file.encoding.encode(tune(pitches)).tokens], file.encoding)[0] / math.log(2)


def test_all_splits_are_scored_together(command, models, folder):
    value = json.loads(command("evaluate", models[0], folder, "--split", "all", "--json").out)
    tunes = [pitches for split in SPLITS.values() for pitches in split]
    assert (value["split"], value["notes"]) == ("all", sum(map(len, tunes)))
    assert value["bits_per_note"] == pytest.approx(sum(cost(models[0], t) for t in tunes) / value["notes"], rel=1e-5)
    assert value["baselines"] == {}
    out, err = command("evaluate", models[0], folder, "--split", "all")[1:]
    assert "no baselines: they learn the training tunes" in out + err


def test_a_split_that_there_is_not_is_refused(models, folder):
    with pytest.raises(ValueError, match="there is no split 'tests'; choose train, validation, test, all"):
        rito.load_model(models[0]).evaluate(folder, split="tests")


def test_each_tune_has_its_figures_and_they_add_up(models, folder):
    value = rito.load_model(models[0]).evaluate(folder)
    tunes = value["per_tune"]
    assert [(t["source"], t["title"], t["notes"]) for t in tunes] == [
        ("test0.mid", "No. 0", 4), ("test1.mid", "No. 1", 2), ("test2.mid", "No. 2", 8),
    ]  # fmt: skip
    assert [t["bits_per_note"] * t["notes"] for t in tunes] == pytest.approx(
        [cost(models[0], pitches) for pitches in SPLITS["test"]], rel=1e-5
    )
    assert sum(t["nats"] for t in tunes) == pytest.approx(value["nats"])
    assert value["bits_per_note_of_tunes"] == pytest.approx(np.mean([t["bits_per_note"] for t in tunes]))
    low, high = value["bits_per_note_interval"]
    rates = [t["bits_per_note"] for t in tunes]
    assert min(rates) <= low <= value["bits_per_note"] <= high <= max(rates)


def test_three_models_are_scored_on_the_same_tunes_each_with_its_difference(command, models, folder):
    words = ["evaluate", models[0], folder, "--beside", models[1], "--beside", models[2], "--no-baselines"]
    value = json.loads(command(*words, "--json").out)
    assert [other["model"] for other in value["beside"]] == [str(models[1]), str(models[2])]
    assert (value["tunes"], value["of_tunes"]) == (3, 3)
    for other, path in zip(value["beside"], models[1:], strict=True):
        paid = sum(cost(path, pitches) for pitches in SPLITS["test"]) / 14
        assert other["bits_per_note"] == pytest.approx(paid, rel=1e-5)
        difference = other["bits_per_note"] - value["bits_per_note"]
        assert other["difference"]["bits_per_note"] == pytest.approx(difference)
        low, high = other["difference"]["interval"]
        assert low <= difference <= high
    out = command(*words).out
    assert out.startswith("3 of 3 tunes, those that all encodings reproduce exactly\n")
    assert f"; minus {models[0]} " in out
    python = rito.load_model(models[0]).evaluate(folder, beside=[models[1], rito.load_model(models[2])])
    assert python["beside"] == value["beside"]


def test_the_same_model_twice_differs_by_nothing(models, folder):
    value = rito.load_model(models[0]).evaluate(folder, beside=models[0])
    assert value["beside"]["difference"] == {"bits_per_note": 0, "interval": [0, 0]}
    assert value["beside"]["model"] != str(models[0])


def test_a_model_says_where_it_has_learned_from_what_it_is_scored_on(command, make_tensors, tmp_path, folder):
    encoding, fingerprint = Grid(), rito.load_corpus(folder).fingerprint
    metadata = {"corpus": {"fingerprint": fingerprint}}
    file = ModelFile(make_tensors(encoding.vocabulary.size), NetworkOptions(2, 16, 16), encoding, metadata)
    save_model(tmp_path / "m.safetensors", file)
    model = rito.load_model(tmp_path / "m.safetensors")
    assert [model.evaluate(folder, s)["learned"] for s in ("test", "validation", "train", "all")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert (
        "has learned from these tunes" in command("evaluate", tmp_path / "m.safetensors", folder, "--split=all").out
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_of_notes_adds_up_to_what_is_reported(command, models, folder, tmp_path):
    words = ["evaluate", models[0], folder, "--beside", models[2], "--json", "--per-note", tmp_path / "notes.csv"]
    value, rows = json.loads(command(*words).out), rows_of(tmp_path / "notes.csv")
    assert len(rows) == 2 * 14
    for name, scores in ((str(models[0]), value), (str(models[2]), value["beside"])):
        own = [row for row in rows if row["model"] == name]
        assert sum(float(row["bits"]) for row in own) / 14 == pytest.approx(scores["bits_per_note"], rel=1e-6)
        for tune_score in scores["per_tune"]:
            bits = [float(row["bits"]) for row in own if row["source"] == tune_score["source"]]
            assert sum(bits) * math.log(2) == pytest.approx(tune_score["nats"], rel=1e-6)
        for row in own:
            parts = sum(float(row[part]) for part in ("pitch_bits", "duration_bits", "other_bits"))
            assert parts == pytest.approx(float(row["bits"]), rel=1e-6)
    first = rows[0]
    assert (first["source"], first["title"], first["melody"], first["note"]) == ("test0.mid", "No. 0", "1", "1")
    assert (first["start"], first["duration"], first["pitch"]) == ("0", "1", "60")
    assert (first["duration_entropy"], first["duration_rank"]) == ("", "")  # a grid has no token for a duration


def test_a_table_is_made_anew_by_the_same_command_and_kept_from_others(command, models, folder, tmp_path):
    table = tmp_path / "notes.csv"
    assert command("evaluate", models[0], folder, "--per-note", table).status == 0
    assert command("evaluate", models[0], folder, "--per-note", table).status == 0
    before = table.read_bytes()
    status, _, err = command("evaluate", models[1], folder, "--per-note", table)
    assert (status, err.count("\n"), table.read_bytes()) == (1, 1, before)
    assert "so it is kept" in err
    assert command("evaluate", models[1], folder, "--per-note", table, "--replace").status == 0
    assert table.read_bytes() != before


def test_a_table_of_another_kind_is_refused_before_the_work(command, models, folder, tmp_path):
    status, _, err = command("evaluate", models[0], folder, "--per-note", tmp_path / "notes.xlsx")
    assert (status, err.count("\n")) == (1, 1)
    assert "name it .csv" in err


def test_surprise_of_a_melody_in_python(models, make_tensors, tmp_path):
    model = rito.load_model(models[0])
    found = model.surprise(tune([60, 64, 67, 72]))
    assert found["pitch"].tolist() == [60, 64, 67, 72]
    assert found["start"].tolist() == [0, 1, 2, 3]
    assert found["bits"].sum() == pytest.approx(cost(models[0], [60, 64, 67, 72]), rel=1e-5)
    composed = model.generate(bars=2, seed=1)
    assert model.surprise(composed)["bits"].tolist() == model.surprise(composed.melody)["bits"].tolist()
    assert model.surprise("C4 E4 G4 C5")["pitch"].tolist() == [60, 64, 67, 72]


def test_the_shipped_model_says_what_pitch_and_duration_cost():
    model = rito.load_model()
    melody = rito.load_corpus("hymns").melodies("test")[0]
    found = model.surprise(melody)
    assert len(found) == len(melody.notes)
    assert np.isfinite(found["duration_entropy"]).all()
    assert (found["duration_rank"] >= 1).all()
    assert np.median(found["pitch_rank"]) <= 3  # it has learned hymns
    assert make_encoding("interval").name == model.file.encoding.name


def test_tunes_that_the_model_learned_from_another_corpus_are_counted(command, make_tensors, tmp_path):
    """Scored are two hymns that the model learned, one transposed, and a scale that nobody wrote."""
    hymns = rito.load_corpus("hymns")
    first, second = hymns.melodies("train")[:2]
    scale = tune([60, 61, 63, 66, 70, 75, 81, 88, 80, 71, 61, 50, 64, 40])
    scored = rito.build_corpus([first, second.transposed(2), scale])
    encoding, metadata = Grid(), {"corpus": {"fingerprint": hymns.fingerprint}}
    for name, known in (("known", metadata), ("unknown", {})):
        file = ModelFile(make_tensors(encoding.vocabulary.size), NetworkOptions(2, 16, 16), encoding, known)
        save_model(tmp_path / f"{name}.safetensors", file)
    known, unknown = tmp_path / "known.safetensors", tmp_path / "unknown.safetensors"
    value = rito.load_model(unknown).evaluate(scored, "all", beside=known)
    assert (value["learned_tunes"], value["beside"]["learned_tunes"]) == (None, 2)
    assert (value["model"], value["fingerprint"], value["version"]) == (
        str(unknown),
        scored.fingerprint,
        rito.__version__,
    )
    scored.save(tmp_path / "scored")
    out = command("evaluate", known, tmp_path / "scored", "--split=all").out
    assert f"{known} has learned 2 of these tunes" in out


def test_people_share_no_runs_with_themselves(models, folder):
    """Of all tunes those that train are left out: they would share all their notes with themselves."""
    value = rito.load_model(models[0]).evaluate(folder, "all", tunes=1)
    assert len(value["habits"]["people"]["shared_runs"]) == 4
    assert rito.load_model(models[0]).evaluate(folder, "train", tunes=1)["habits"]["people"]["shared_runs"] == []

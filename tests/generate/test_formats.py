"""A tune of every encoding is shown, heard and saved by the same commands."""

from pathlib import Path

import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.options import EncodingOptions
from ritornello.model.alphabet import Alphabet
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.files import read

SPELLED = {
    "default": EncodingOptions().build().to_dict(),
    "grid": {"name": "grid"},
    "plain": {"name": "grid", "plain": True},
    "lookback": {"name": "lookback"},
    "note": {"name": "note", "inputs": ("position", "bar_ago")},
    "interval": {"name": "interval", "relative_to": "key"},
    "previous": {"name": "interval", "relative_to": "previous", "memory": ("own",)},
}


@pytest.fixture(scope="module", params=SPELLED)
def model(request, tmp_path_factory, make_tensors) -> Path:
    """A model file of random weights."""
    encoding = make_encoding(**SPELLED[request.param])
    alphabet = Alphabet.of(encoding)
    tensors = make_tensors(
        encoding.vocabulary.size,
        scale=0.2,
        second=sum(alphabet.parts[1:]),
        side=alphabet.features,
        memory=alphabet.memory,
    )
    path = tmp_path_factory.mktemp(request.param) / "model.safetensors"
    options = NetworkOptions(2, 16, 16, chain=12)
    save_model(path, ModelFile(tensors, options, encoding, {"corpus": {"compass": [55, 79]}}))
    return path


def test_generate_and_render_in_every_format(model, command, tmp_path):
    pytest.importorskip("resvg_py")
    assert command("generate", model, "--bars", 4, "--seed", 1, "-o", tmp_path / "tunes").status == 0
    midi = tmp_path / "tunes" / "seed1-001.mid"
    [piece] = read(midi)
    for suffix in ("musicxml", "abc", "svg", "png", "wav", "mp3", "html"):
        out = tmp_path / f"tune.{suffix}"
        assert command("render", midi, "-o", out)[::2] == (0, ""), suffix
        assert out.stat().st_size > 50
    [again] = read(tmp_path / "tune.abc")
    assert [n.pitch for n in again.parts[0].notes] == [n.pitch for n in piece.parts[0].notes]


def test_a_tune_saves_and_shows_itself(model, tmp_path):
    from ritornello.api import load_model

    tune = load_model(model).generate(bars=3, primer="C4 E4:1/2 G4:1/2", seed=2)
    assert [n.pitch for n in tune.melody.notes[:3]] == [60, 64, 67]
    for suffix in ("mid", "musicxml", "abc"):
        tune.save(tmp_path / f"tune.{suffix}")
        [piece] = read(tmp_path / f"tune.{suffix}")
        per = piece.timeline.ticks_per_quarter, tune.melody.timeline.ticks_per_quarter
        assert [(n.start * per[1], n.pitch) for n in piece.parts[0].notes] == [
            (n.start * per[0], n.pitch) for n in tune.melody.notes
        ]
    assert "<svg" in tune._repr_svg_()
    assert tune._repr_html_().count("<iframe") == 1


def test_evaluate_scores_it_and_a_player_plays_it(model, tiny_corpus):
    from ritornello.api import load_model

    loaded = load_model(model)
    score = loaded.evaluate(tiny_corpus)
    assert 0 < score["bits_per_note"] < 100
    assert score["notes"] == 12
    assert loaded.player().ask().sum() == pytest.approx(1)

"""The Python face: the design's example on tiny data, the names that programs may rely on, and errors."""

import re
import tempfile
from pathlib import Path

import pytest

import ritornello as rito
from ritornello.encoding import make_encoding
from ritornello.model.file import digest
from ritornello.music.files import read
from ritornello.music.values import Melody, Note, Timeline
from ritornello.training.run.checkpoint import load_checkpoint

SMALL = {"preset": "tiny", "threads": 1, "streams": 4, "bptt_steps": 32}


@pytest.fixture(scope="module")
def run(tmp_path_factory, hymn_corpus):
    return rito.train(hymn_corpus, tmp_path_factory.mktemp("run"), updates=4, checks=2, **SMALL)


@pytest.fixture(scope="module")
def model(little_model):
    return rito.load_model(little_model)


def test_the_names_that_programs_may_rely_on():
    promised = {
        "models",
        "build_corpus",
        "train",
        "load_model",
        "load_corpus",
        "read",
        "Model",
        "Run",
        "Tune",
        "Corpus",
    }
    assert promised <= set(rito.__all__) == set(dir(rito))
    for name in rito.__all__:
        assert getattr(rito, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'compose'"):
        rito.compose  # noqa: B018


def test_no_public_name_is_that_of_a_folder():
    folders = {path.name for path in Path(rito.__file__).parent.iterdir() if path.is_dir()}
    assert folders & {*rito.__all__} == set()


def test_the_example_of_the_first_screen_from_folder_to_score(hymn_folder, tmp_path):
    corpus = rito.build_corpus(hymn_folder, split="last:0.2")
    assert [line.status for line in corpus.report] == 10 * ["kept"]
    run = rito.train(corpus, minutes=0.02, **SMALL)
    model = rito.load_model(run)
    tune = model.generate(bars=8, primer="C4 E4 G4", seed=1)
    assert [note.pitch for note in tune.melody.notes[:3]] == [60, 64, 67]
    tune.save(tmp_path / "tune.mid")
    assert read(tmp_path / "tune.mid")[0].parts[0].notes == tune.melody.notes
    assert 0 < model.evaluate(corpus)["bits_per_note"] < 100


def test_a_player_is_fed_and_asked_any_token_of_the_vocabulary(model):
    player = model.player()
    before = player.ask()
    assert before.shape == (model.file.encoding.vocabulary.size,)
    assert before.sum() == pytest.approx(1)
    player.feed(60)
    assert abs(player.ask() - before).max() > 0
    player.reset()
    assert (player.ask() == before).all()
    for wrong in (-1, len(before)):
        with pytest.raises(ValueError, match=str(wrong)):
            player.feed(wrong)


def test_a_run_tells_its_checks_and_its_folder(run, hymn_corpus, tmp_path):
    assert [check.update for check in run.checks] == [2, 4]
    assert (run.folder / "model.safetensors").is_file()
    assert "2 checks" in repr(run)
    seen = []
    again = rito.train(hymn_corpus, tmp_path, updates=4, checks=2, on_check=seen.append, **SMALL)
    assert tuple(seen) == again.checks
    assert [c.validation_nll for c in seen] == [c.validation_nll for c in run.checks]


def test_a_run_knows_where_its_corpus_is_read_from(run, hymn_corpus):
    assert load_checkpoint(run.folder).story["source"] == str(hymn_corpus)


def test_who_interrupts_a_run_is_told_where_it_is_and_how_it_goes_on(hymn_corpus, tmp_path, monkeypatch):
    def stop(check) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt, match="interrupted at update 2 of 4; go on with") as caught:
        rito.train(hymn_corpus, updates=4, checks=2, on_check=stop, **SMALL)
    [folder] = re.findall(r"rito\.train\(corpus, '(.*)', resume=True\)", str(caught.value))
    run = rito.train(hymn_corpus, folder, resume=True)
    assert run.folder.parent == tmp_path
    assert [check.update for check in run.checks] == [2, 4]


def test_an_encoding_may_be_handed_over(hymn_corpus, tmp_path):
    encoding = make_encoding("note", inputs=("metre",))
    run = rito.train(hymn_corpus, tmp_path / "run", encoding=encoding, updates=1, **SMALL)
    assert rito.load_model(run).file.encoding == encoding
    with pytest.raises(ValueError, match="leave inputs out"):
        rito.train(hymn_corpus, tmp_path / "other", encoding=encoding, inputs="metre", updates=1, **SMALL)


def test_a_run_goes_on_from_another_but_not_in_its_place(run, hymn_corpus, tmp_path):
    few = {"updates": 2, "checks": 1, "threads": 1, "streams": 2, "bptt_steps": 16}
    before = rito.load_model(run)
    tuned = rito.load_model(rito.train(hymn_corpus, tmp_path, base=run, **few))
    assert tuned.metadata["parent"]["sha256"] == digest(before.file.tensors)
    for base in (run, before, run.folder):
        with pytest.raises(ValueError, match="would be replaced by the run that goes on from it"):
            rito.train(hymn_corpus, run.folder, base=base, replace=True, **few)
    assert digest(rito.load_model(run).file.tensors) == digest(before.file.tensors)


def test_a_model_is_loaded_from_a_run_a_folder_and_a_file(run):
    models = [
        rito.load_model(run),
        rito.load_model(run.folder),
        rito.load_model(str(run.folder / "model.safetensors")),
    ]
    assert len({m.metadata["validation_nll"] for m in models}) == 1
    assert "1 layers of 128" in repr(models[0]) or "1 layer" in repr(models[0])


def test_one_tune_or_a_list(model):
    assert isinstance(model.generate(seed=1, bars=2), rito.Tune)
    tunes = model.generate(seed=1, n=3, bars=2)
    assert [tune.index for tune in tunes] == [0, 1, 2]
    assert model.generate(seed=1, bars=2).melody == tunes[0].melody
    assert len({tune.melody for tune in tunes}) == 3


def test_without_a_seed_one_is_drawn_and_told(model):
    one, other = model.generate(bars=2), model.generate(bars=2)
    assert one.seed != other.seed
    assert model.generate(bars=2, seed=one.seed).melody == one.melody


def test_a_primer_may_be_a_melody(model):
    primer = Melody((Note(0, 480, 62), Note(480, 960, 66)), Timeline(480, 1440))
    tune = model.generate(seed=3, bars=3, primer=primer)
    assert [note.pitch for note in tune.melody.notes[:2]] == [62, 66]


def test_surprise_has_a_number_for_each_note(model):
    tune = model.generate(seed=3, bars=4)
    assert tune.surprise.shape == (len(tune.melody.notes),)
    assert (tune.surprise >= 0).all()


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".abc", ".svg", ".wav", ".mp3", ".ogg", ".flac", ".html"])
def test_a_tune_is_saved_by_suffix(model, tmp_path, suffix):
    model.generate(seed=1, bars=2).save(tmp_path / f"tune{suffix}")
    assert (tmp_path / f"tune{suffix}").stat().st_size > 50
    assert [p.name for p in tmp_path.iterdir()] == [f"tune{suffix}"]


def test_embedded_corpora_have_names():
    assert len(rito.load_corpus("hymns")) == 249
    everything = rito.load_corpus()
    assert len(everything) == len(rito.load_corpus("hymns")) + len(rito.load_corpus("songs"))
    assert rito.load_corpus(everything) is everything


def test_the_shipped_models_are_named_and_the_first_is_the_default():
    assert isinstance(rito.models(), list)
    for name in rito.models():
        assert rito.load_model(name).name == name
    if rito.models():
        assert rito.load_model().name == rito.models()[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bars": 0}, "bars must be 1 to 512, not 0"),
        ({"n": 0}, "n must be 1 or more, not 0"),
        ({"key": "H"}, "no such key: 'H'"),
        ({"metre": "7/13"}, "no such metre: '7/13'"),
        ({"primer": "C12"}, "outside the vocabulary"),
        ({"primer": "missing.mid"}, "missing.mid: no such file"),
        ({"seed": -1}, "seed must be"),
        ({"top_p": 0}, "top_p must be above 0"),
    ],
)
def test_what_cannot_be_composed_is_a_value_error_that_says_why(model, options, message):
    with pytest.raises(ValueError, match=message):
        model.generate(**options)


def test_an_option_that_does_not_exist_is_a_type_error(model):
    with pytest.raises(TypeError, match="tempo"):
        model.generate(tempo=120)


def test_errors_of_loading_name_the_file(tmp_path, hymn_folder):
    with pytest.raises(FileNotFoundError, match="nothing: no such model"):
        rito.load_model("nothing")
    (tmp_path / "notes.safetensors").write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"notes\.safetensors: not a model file"):
        rito.load_model(tmp_path / "notes.safetensors")
    with pytest.raises(ValueError, match="nothing: no such corpus"):
        rito.load_corpus("nothing")
    with pytest.raises(ValueError, match="nothing: no such file or folder"):
        rito.build_corpus("nothing")


def test_a_suffix_that_is_not_known_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"tune\.docx: cannot render to \.docx; choose \.mid"):
        model.generate(seed=1, bars=1).save(tmp_path / "tune.docx")
    assert list(tmp_path.iterdir()) == []

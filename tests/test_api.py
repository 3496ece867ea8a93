"""The Python face: the design's example on tiny data, the names that programs may rely on, and errors."""

import base64
import html
import inspect
import json
import pydoc
import re
import tempfile
import warnings
from dataclasses import fields
from pathlib import Path

import pytest
import soundfile
from outputs import names_in

import ritornello as rito
from ritornello.corpus.options import BuildOptions
from ritornello.encoding import make_encoding
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import digest
from ritornello.music.files import read, scan_content
from ritornello.music.values import Melody, Note, Timeline
from ritornello.training.plan import TrainOptions
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.request import NetworkRequest

KEYWORD = inspect.Parameter.KEYWORD_ONLY

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
    assert load_checkpoint(run.folder).metadata.source == str(hymn_corpus)


def test_who_interrupts_a_run_is_told_where_it_is_and_how_it_goes_on(hymn_corpus, tmp_path, monkeypatch):
    def stop(check) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt, match="interrupted at update 2 of 4; continue with") as caught:
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
        with pytest.raises(ValueError, match="would be replaced by the run that fine-tunes it"):
            rito.train(hymn_corpus, run.folder, base=base, replace=True, **few)
    assert digest(rito.load_model(run).file.tensors) == digest(before.file.tensors)


def test_a_model_is_loaded_from_a_run_a_folder_and_a_file(run):
    models = [
        rito.load_model(run),
        rito.load_model(run.folder),
        rito.load_model(str(run.folder / "model.safetensors")),
    ]
    assert len({m.metadata["validation_nll"] for m in models}) == 1
    assert f"Model({str(run.folder)!r}: 1 layers of 128, " in repr(models[0])


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


def test_a_model_encodes_a_melody_as_it_reads_it(model):
    tune = model.generate(bars=2, seed=1)
    tokens = model.encode(tune.melody)
    assert tokens.tolist() == model.encode(tune).tolist()
    assert tokens.dtype.kind == "i"
    assert (
        model.encoding.decode(tokens).notes == model.encoding.decode(model.encoding.encode(tune.melody).tokens).notes
    )
    assert isinstance(model.encoding.name, str)


def test_surprise_has_a_number_for_each_note(model):
    tune = model.generate(seed=3, bars=4)
    assert tune.surprise.shape == (len(tune.melody.notes),)
    assert (tune.surprise >= 0).all()


def test_names_of_tunes_sort_in_their_order(model):
    tunes = model.generate(seed=1, n=1001, bars=1)
    names = [tune.file_name for tune in tunes]
    assert names == sorted(names)
    assert (names[0], names[-1]) == ("seed1-0001.mid", "seed1-1001.mid")
    assert model.generate(seed=1, bars=1).file_name == "seed1-001.mid"


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".abc"])
def test_a_tune_is_saved_with_every_note(model, tmp_path, suffix):
    tune = model.generate(seed=1, bars=2)
    tune.save(tmp_path / f"tune{suffix}")
    [piece] = read(tmp_path / f"tune{suffix}")
    quarter = piece.timeline.ticks_per_quarter
    assert tune.melody.notes
    assert [(n.pitch, n.start / quarter, n.duration / quarter) for n in piece.parts[0].notes] == [
        (n.pitch, n.start / 480, n.duration / 480) for n in tune.melody.notes
    ]
    assert names_in(tmp_path) == [f"tune{suffix}"]


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg", ".flac"])
def test_a_tune_is_saved_as_sound_of_its_length(model, tmp_path, suffix):
    tune = model.generate(seed=1, bars=2)
    tune.save(tmp_path / f"tune{suffix}")
    sound = soundfile.info(tmp_path / f"tune{suffix}")
    assert sound.format == {".wav": "WAV", ".mp3": "MP3", ".ogg": "OGG", ".flac": "FLAC"}[suffix]
    assert sound.duration >= tune.melody.timeline.seconds(tune.melody.notes[-1].end)


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_a_tune_is_saved_as_a_picture_of_its_notes(model, tmp_path, suffix):
    tune = model.generate(seed=1, bars=2)
    tune.save(tmp_path / f"tune{suffix}")
    text = (tmp_path / f"tune{suffix}").read_text("utf-8")
    staves = re.findall(r'<svg [^>]*class="staff".*?</svg>', text, re.DOTALL)
    assert staves
    for staff in staves:
        assert {int(n) for n in re.findall(r'data-note="(\d+)"', staff)} == set(range(len(tune.melody.notes)))


def test_a_run_that_is_resumed_finds_its_corpus_or_asks_for_it(hymn_corpus, tmp_path):
    def stop(check) -> None:
        raise KeyboardInterrupt

    for name, corpus in (("files", hymn_corpus), ("memory", rito.load_corpus(hymn_corpus))):
        with pytest.raises(KeyboardInterrupt):
            rito.train(corpus, tmp_path / name, updates=4, checks=2, on_check=stop, **SMALL)
    assert [c.update for c in rito.train(out=tmp_path / "files", resume=True).checks] == [2, 4]
    with pytest.raises(ValueError, match="the run's corpus was not read from a file; name it"):
        rito.train(out=tmp_path / "memory", resume=True)
    assert [c.update for c in rito.train(out=tmp_path / "files", resume=True).checks] == [2, 4]  # finished
    with pytest.raises(ValueError, match="corpus is missing"):
        rito.train(out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_run_is_estimated_without_a_trace(hymn_corpus, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    value = rito.estimate_training(hymn_corpus, updates=100, **SMALL)
    assert value["plan"]["updates"] == 100
    assert value["seconds"] > 0
    words = [f"--{name.replace('_', '-')}={option}" for name, option in SMALL.items()]
    said = json.loads(command("train", hymn_corpus, "--dry-run", "--updates", 100, *words, "--json").out)
    assert {name: said[name] for name in ("plan", "weights", "train_tokens")} == {
        name: value[name] for name in ("plan", "weights", "train_tokens")
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".abc", ".svg", ".wav", ".html"])
def test_a_melody_of_a_corpus_is_saved_as_a_tune_is(hymn_corpus, tmp_path, suffix):
    melody = rito.load_corpus(hymn_corpus).melodies()[0]
    melody.save(tmp_path / f"tune{suffix}")
    assert names_in(tmp_path) == [f"tune{suffix}"]
    if suffix == ".mid":
        assert read(tmp_path / "tune.mid")[0].parts[0].notes == melody.notes
    with pytest.raises(FileExistsError):
        rito.load_corpus(hymn_corpus).melodies()[1].save(tmp_path / f"tune{suffix}")


def test_a_melody_of_a_corpus_shows_itself_and_sounds(hymn_corpus):
    melody = rito.load_corpus(hymn_corpus).melodies()[0]
    for shown in (melody, melody.transposed(2)):
        frame = html.unescape(re.search(r"srcdoc='([^']*)'", shown._repr_html_())[1])
        assert {int(n) for n in re.findall(r'data-note="(\d+)"', frame)} == set(range(len(melody.notes)))
        assert 'src="data:audio/mpeg;base64,' in frame
        saved = dict(re.findall(r'<a download="[^"]*(\.\w+)" href="data:[^,]*,([^"]*)"', frame))
        content = base64.b64decode(saved[".mid"])
        assert [n.pitch for n in scan_content(content, "a.mid")[0][0].parts[0].notes] == [
            n.pitch for n in shown.notes
        ]
        assert shown._repr_svg_().startswith("<svg")


def test_a_melody_of_a_corpus_equals_any_of_the_same_values(hymn_corpus):
    shown = rito.load_corpus(hymn_corpus).melodies()[0]
    plain = Melody(shown.notes, shown.timeline, shown.title, shown.source)
    assert shown == plain
    assert plain == shown
    assert len({shown, plain}) == 1
    assert shown != plain.transposed(1)
    assert shown != "a tune"


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


@pytest.mark.parametrize(
    ("call", "wrong", "right"),
    [
        ("generate", "temprature", "temperature"),
        ("generate", "pitchrange", "pitch_range"),
        ("build_corpus", "repeat", "repeats"),
        ("train", "ecoding", "encoding"),
        ("train", "minuts", "minutes"),
    ],
)
def test_a_wrong_option_is_a_type_error_that_names_the_nearest_one(model, call, wrong, right):
    function = model.generate if call == "generate" else getattr(rito, call)
    with pytest.raises(TypeError, match=f"^{call} has no option {wrong}; did you mean {right}\\?$"):
        function(**{wrong: 1})


def test_every_verb_answers_a_wrong_name():
    functions = {name: getattr(rito, name) for name in rito.__all__ if inspect.isfunction(getattr(rito, name))}
    functions |= {name: getattr(rito.Model, name) for name in ("evaluate", "generate", "rewrite", "surprise", "vary")}
    functions |= {f"tune.{name}": getattr(rito.Tune, name) for name in ("play", "save", "vary")}
    for name, function in functions.items():
        if name != "models":  # which takes nothing
            with pytest.raises(TypeError, match=f"^{name.split('.')[-1]} has no option xyzzy; "):
                function(**{"xyzzy": 1})


@pytest.mark.parametrize(
    ("verb", "wrong", "right"),
    [("rewrite", "temp", "temperature"), ("rewrite", "primer_chords", "chords"), ("harmonise", "number", "n")],
)
def test_a_verb_of_few_options_names_the_nearest_one(model, verb, wrong, right):
    function = rito.harmonise if verb == "harmonise" else model.rewrite
    with pytest.raises(TypeError, match=f"^{verb} has no option {wrong}; did you mean {right}"):
        function("C E G", **{wrong: 1})


def test_an_option_that_is_like_none_is_answered_with_all_of_them(model):
    with pytest.raises(TypeError, match=r"generate has no option xyz; there are primer, .*, bars, seconds, temp"):
        model.generate(xyz=120)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (rito.Model.generate, GenerateOptions),
        (rito.build_corpus, BuildOptions),
        (rito.explain_file, BuildOptions),
        (rito.train, TrainOptions),
        (rito.train, NetworkRequest),
        (rito.estimate_training, NetworkRequest),
    ],
)
def test_every_option_stands_in_the_signature_and_in_the_help(function, options):
    parameters = inspect.signature(function).parameters
    text = pydoc.plain(pydoc.render_doc(function))
    for field in fields(options):
        assert (parameters[field.name].default, parameters[field.name].kind) == (field.default, KEYWORD)
        assert f"\n        {field.name}: {field.type} = {field.default!r}\n            " in text
    assert not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def test_options_may_be_handed_over_as_they_are_but_not_twice(model):
    options = GenerateOptions(bars=2, temperature=0.5)
    assert model.generate(seed=1, options=options).melody == model.generate(seed=1, bars=2, temperature=0.5).melody
    with pytest.raises(TypeError, match="options holds bars already"):
        model.generate(options=options, bars=3)


def test_tunes_are_written_to_a_folder_too(model, tmp_path):
    tunes = model.generate(seed=5, n=2, bars=2, out=tmp_path / "tunes", pitch_range="C4-G5")
    assert names_in(tmp_path / "tunes") == ["seed5-001.mid", "seed5-002.mid"]
    for tune in tunes:
        [piece] = read(tmp_path / "tunes" / tune.file_name)
        assert piece.parts[0].notes == tune.melody.notes
        assert all(60 <= note.pitch <= 79 for note in tune.melody.notes)


def test_what_a_primer_loses_is_a_warning_or_goes_to_who_asked(model):
    heard: list[str] = []
    with pytest.warns(UserWarning, match="primer") as caught:
        model.generate(seed=1, bars=3, primer="C4:1/3 E4:1/3 G4:1/3")
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(seed=1, bars=3, primer="C4:1/3 E4:1/3 G4:1/3", on_remark=heard.append)
    assert heard == [str(caught[0].message)]


def test_a_folder_of_tunes_is_a_corpus_in_every_verb(model, hymn_folder, tmp_path):
    lines: list = []
    corpus = rito.load_corpus(hymn_folder, on_report=lines.extend)
    assert [line.status for line in lines] == 10 * ["kept"]
    assert rito.show_corpus(hymn_folder) == rito.show_corpus(corpus)
    named, unnamed = (model.evaluate(given, "train") for given in (hymn_folder, corpus))
    assert named.pop("corpus") == str(hymn_folder)
    assert unnamed.pop("corpus") == corpus.fingerprint
    assert named == unnamed
    assert len(rito.export_corpus(hymn_folder, tmp_path / "out")) == 10
    run = rito.train(hymn_folder, tmp_path / "run", updates=1, **SMALL)
    assert rito.load_model(run).metadata["corpus"]["fingerprint"] == corpus.fingerprint
    assert sorted(hymn_folder.iterdir()) == sorted(hymn_folder.glob("*.abc"))


def test_an_export_follows_the_suffix_and_leaves_a_corpus_alone(hymn_folder, tmp_path):
    assert rito.export_corpus(hymn_folder, tmp_path / "a.npz") == [tmp_path / "a.npz"]
    assert (tmp_path / "a.npz").is_file()
    for name in ("midi", "parquet"):
        with pytest.raises(ValueError, match=f"b.npz: {name} is a folder of files: leave .npz out of its name"):
            rito.export_corpus(hymn_folder, tmp_path / "b.npz", name)
    corpus = rito.build_corpus(hymn_folder, tmp_path / "corpus")
    before = sorted((tmp_path / "corpus").iterdir())
    for name in ("midi", "npz", "parquet"):
        with pytest.raises(ValueError, match="corpus is a corpus: choose another place for the export"):
            rito.export_corpus(corpus, tmp_path / "corpus", name)
    assert sorted((tmp_path / "corpus").iterdir()) == before


@pytest.mark.parametrize("name", ["tables.parquet", "tunes.abc", "tunes.mid", "notes.csv"])
def test_an_export_named_as_a_file_of_a_kind_that_it_is_not_is_refused(name, hymn_folder, tmp_path):
    with pytest.raises(ValueError, match=f"{name}: an export is a folder of MIDI files"):
        rito.export_corpus(hymn_folder, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_counts_of_a_split_agree_with_their_nouns(command, hymn_folder, tmp_path):
    [hymn, *_] = sorted(hymn_folder.glob("*.abc"))
    rito.build_corpus(hymn, tmp_path / "corpus")
    [line] = [line for line in command("corpus", "show", tmp_path / "corpus").out.splitlines() if line[:5] == "train"]
    assert line.split()[1:5] == ["1", "piece", "1", "melody"]


def test_a_music_file_is_scored_whole(model, repo_root):
    hymn = repo_root / "tests/fixtures/hymns/Away_In_A_Manger-Mueller.abc"
    scores = model.evaluate(hymn, baselines=True)
    assert (scores["notes"], scores["split"], scores["baselines"]) == (44, "all", {})


def test_files_are_explained_rendered_and_compared(run, repo_root, tmp_path):
    hymn = repo_root / "tests/fixtures/hymns/Away_In_A_Manger-Mueller.abc"
    [one] = rito.explain_file(hymn, tmp_path / "hymn.html", pick="first")
    assert one.parts[0].verdict == "picked"
    assert "What a corpus takes from this file" in (tmp_path / "hymn.html").read_text("utf-8")
    assert rito.render_file(hymn, tmp_path / "hymn.mid") == tmp_path / "hymn.mid"
    assert len(read(tmp_path / "hymn.mid")[0].parts[0].notes) == 44
    [group] = rito.runs(run.folder, tmp_path / "runs.svg").groups
    assert [row.name for row in group.rows] == [run.folder.name]
    assert (tmp_path / "runs.svg").read_text("utf-8").startswith("<svg")
    for call, wrong in ((rito.explain_file, hymn), (rito.runs, run.folder)):
        with pytest.raises(ValueError, match="name "):
            call(wrong, tmp_path / "page.txt")


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


def test_what_is_known_of_a_model_prints_on_a_screen():
    for name in rito.models():
        model = rito.load_model(name)
        assert len(repr(model.metadata)) < 1500
        assert all(len(repr(value)) < 1500 for value in model.metadata.values())
        assert model.metadata == model.file.metadata  # all of it is there
        assert json.loads(json.dumps(model.metadata)) == json.loads(json.dumps(model.file.metadata))


def test_the_figures_of_many_tunes_print_on_a_screen():
    figures = rito.load_model("hymns").evaluate("hymns", split="validation")
    assert len(figures["per_tune"]) > 10
    assert len(repr(figures)) < 2000
    assert f"{figures['bits_per_note']!r}" in repr(figures)

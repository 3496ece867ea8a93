"""The page on representations: its example of an encoding of one's own is run as written."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from ritornello.corpus.embedded import embedded
from ritornello.corpus.exact import reproduced_exactly
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.corpus.tokens import corpus_tokens
from ritornello.encoding import ENCODINGS, Grid, make_encoding
from ritornello.encoding.features import feature_rows
from ritornello.evaluate.form import faults
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import ModelFile, ModelFileError, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.files import read
from ritornello.music.values import Melody, Note, Timeline
from ritornello.training.plan import TrainOptions
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request

MOST_LINES = 60  # fewer than these


@pytest.fixture(scope="module")
def blocks(repo_root) -> list[str]:
    page = (repo_root / "docs/representations.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


@pytest.fixture
def steps(blocks, monkeypatch):
    """The page's encoding, registered as the page does it; forgotten after the test."""
    monkeypatch.setitem(ENCODINGS, "steps", None)
    exec(compile(blocks[0], "docs/representations.md", "exec"), {})
    return make_encoding("steps")


def test_it_has_under_sixty_lines(blocks):
    assert len(blocks[0].splitlines()) < MOST_LINES


def test_a_note_says_how_far_it_lies_above_the_one_before(steps):
    notes = [Note(480 * n, 480, pitch) for n, pitch in enumerate((60, 62, 62, 59))]
    tokens = steps.encode(Melody(tuple(notes), Timeline(480, 4 * 480))).tokens
    assert tokens[2:-1].tolist() == [0, 128, 128, 128, 2, 128, 128, 128, 0, 128, 128, 128, 125, 128, 128, 128]
    assert steps.pitches(tokens).tolist() == [60, 62, 62, 59]
    moved = steps.transpose(tokens, 3)
    assert np.flatnonzero(moved != tokens).tolist() == [2]
    assert steps.pitches(moved).tolist() == [63, 65, 65, 62]


def test_it_reproduces_what_the_grid_reproduces(steps):
    melodies = embedded("hymns").melodies("test")
    exact = [reproduced_exactly(steps, melody) for melody in melodies]
    assert exact == [reproduced_exactly(Grid(), melody) for melody in melodies]
    assert sum(exact) > 20


def test_its_tracker_allows_what_it_writes_and_knows_the_pitches(steps):
    for melody in embedded("hymns").melodies("test")[:5]:
        tokens = steps.encode(melody).tokens.tolist()
        tracker, started = steps.tracker(), []
        for n, token in enumerate(tokens):
            assert tracker.legal()[token]
            if token < 128:
                started.append(int(tracker.pitches()[token]))
            if n == 20:
                tracker = tracker.copy()
            tracker.advance(token)
        assert started == steps.pitches(np.array(tokens)).tolist()
        assert tracker.done


def test_its_features_are_those_of_the_grid_at_the_same_pitches(steps):
    melody, inputs = embedded("hymns").melodies("test")[0], ("position", "key", "bar_ago")
    own, grid = make_encoding("steps", inputs=inputs), Grid(inputs=inputs)
    rows = [feature_rows(encoding, encoding.encode(melody).tokens).tolist() for encoding in (own, grid)]
    assert rows[0] == rows[1]


def test_it_has_no_memory_which_the_grid_has_not(steps):
    with pytest.raises(ValueError, match="encoding 'steps' has no option memory"):
        make_encoding("steps", memory=("own",))


def test_steps_that_were_kept_from_a_file_are_written_anew(steps):
    melody = Melody((Note(0, 480, 62), Note(480, 480, 64)), Timeline(480, 960))
    kept = np.array([62, 128, 128, 128, 64, 128, 128, 128], np.uint8)
    corpus = corpus_of([(CorpusPiece("tune.npz", (), split="train"), [melody])], (kept,))
    assert corpus_tokens(corpus, Grid(plain=True))[0].tolist() == kept.tolist()
    told = corpus_tokens(corpus, make_encoding("steps", plain=True))[0]
    assert told.tolist() == [2, 128, 128, 128, 2, 128, 128, 128]


def test_a_model_of_it_is_loaded_where_it_is_registered(steps, tmp_path, monkeypatch, make_tensors):
    path = tmp_path / "model.safetensors"
    save_model(path, ModelFile(make_tensors(153, width=8, layers=1), NetworkOptions(1, 8, 8), steps, {}))
    assert load_model(path).encoding == steps
    monkeypatch.delitem(ENCODINGS, "steps")
    with pytest.raises(ModelFileError, match=r"its encoding, 'steps', is not registered here .* before you load"):
        load_model(path)


def test_it_learns_and_composes(steps, tiny_corpus, tmp_path):
    pytest.importorskip("torch")
    network = NetworkOptions(1, 16, 16)
    options = TrainOptions(updates=6, streams=2, bptt_steps=16, threads=1, dtype="fp32", seed=1)
    training = prepare_training(Request(network, steps, options), tiny_corpus)
    nats = [check.validation_nll for check in training.checks(tmp_path / "run")]
    assert nats[-1] < nats[0]
    player = ModelFile(training.engine.tensors(), network, steps).build()
    for tune in compose(player, steps, GenerateOptions(bars=4), seed=1, indices=range(3)):
        assert faults(tune.tokens, steps, bars=4) == []


@pytest.mark.parametrize("name", ["grid", "note", "interval"])
def test_one_that_has_no_hash_composes_the_same_tunes(name, make_network):
    made = make_encoding(name)

    @dataclass(frozen=True)
    class WithNotes(type(made)):
        remarks: dict = field(default_factory=dict)

    own = WithNotes(remarks={"made by": "me"})
    with pytest.raises(TypeError, match="unhashable"):
        hash(own)
    second = made.parts[1] if len(made.parts) == 2 else 0
    network, options = make_network(made.vocabulary.size, scale=0.2, second=second), GenerateOptions(bars=3)
    tunes = [compose(network, encoding, options, 1, range(2)) for encoding in (made, own, own)]
    assert len({tuple(tune.tokens.tobytes() for tune in batch) for batch in tunes}) == 1
    assert faults(tunes[1][0].tokens, own, bars=3) == []


def test_the_page_goes_on_to_train_and_save(steps, blocks, tmp_path, monkeypatch, make_training_short):
    pytest.importorskip("torch")
    make_training_short(monkeypatch)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(blocks[1], "docs/representations.md", "exec"), names)
    assert read("steps.mid")[0].parts[0].notes == names["tune"].melody.notes
    assert names["rito"].load_model(names["run"]).file.encoding == steps


def test_the_page_says_what_it_spends_on_no_event_and_links_what_is_there(repo_root):
    page = (repo_root / "docs/representations.md").read_text("utf-8")
    assert re.search(r"^\| no_event \| \d+\.\d % \| \d+\.\d % \|", page, re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", page) if "://" not in link]
    assert links
    assert [link for link in links if not (repo_root / "docs" / link).is_file()] == []

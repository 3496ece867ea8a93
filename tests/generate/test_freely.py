"""Music of encodings that are not melodies in bars: trained, composed, scored and saved by the ordinary verbs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from networks import Indifferent

import ritornello as rito
from ritornello.encoding import ENCODINGS, Encoded, make_encoding
from ritornello.encoding.vocabulary import Vocabulary
from ritornello.generate.freely import compose_freely
from ritornello.generate.options import GenerateOptions
from ritornello.music.values import Melody, Note, Part, Piece, Tempo, Timeline, all_notes

TICKS = 4  # of a toy's second


class ToyRules:
    """Chords of a quarter of a second: any number of rising pitches, then `go_on`; `end` after a `go_on`."""

    part = 0

    def __init__(self) -> None:
        self.time, self.last, self.done = 0, -1, False

    @property
    def seconds(self) -> float:
        return self.time / TICKS

    def legal(self) -> np.ndarray:
        pitches = np.arange(10) > self.last
        return np.array([*(pitches & (not self.done)), not self.done, self.last < 0 and not self.done])

    def features(self) -> tuple[int, ...]:
        return ()

    def advance(self, token: int) -> None:
        self.done |= token == 11
        self.last = token if token < 10 else -1
        self.time += token == 10

    def copy(self) -> ToyRules:
        return copy(self)


@dataclass(frozen=True)
class Toy:
    """Pitches 60 to 69, four chords a second."""

    name = "toy"
    keeps = "all"
    vocabulary = Vocabulary.of(("pitch", 10, "a pitch sounds"), ("go_on", 1, "time passes"), ("end", 1, "the end"))
    parts = (12,)
    end = 11
    features = ()
    memory = ()

    def to_dict(self) -> dict[str, Any]:
        return {"name": "toy"}

    def encode(self, music: Melody | Piece) -> Encoded:
        tokens, time = [], 0
        for note in all_notes(music):
            start = round(note.start / music.timeline.ticks_per_quarter * 2)
            tokens += [10] * (start - time)
            time = start
            pitch = (note.pitch - 60) % 10
            tokens += [pitch] if not tokens or tokens[-1] == 10 or tokens[-1] < pitch else []
        return Encoded(np.array([*tokens, 10, 11], np.int16), Counter())

    def decode(self, tokens: Any, title: str = "", qpm: float = 120.0) -> Piece:
        notes, time = [], 0
        for token in np.asarray(tokens).tolist():
            time += token == 10
            notes += [Note(time, 1, 60 + token)] if token < 10 else []
        return Piece((Part(tuple(notes), "toy"),), Timeline(2, time, tempos=(Tempo(0, 120.0),)), title)

    def tracker(self) -> ToyRules:
        return ToyRules()

    def variants(self, tokens: np.ndarray, lowest: int, highest: int) -> list[int]:
        return [0, 1]

    def vary(self, tokens: np.ndarray, variant: int) -> np.ndarray:
        return tokens.copy()


@pytest.fixture
def toy() -> Iterator[Toy]:
    ENCODINGS["toy"] = Toy
    yield Toy()
    del ENCODINGS["toy"]


def test_a_piece_depends_on_model_seed_and_index_alone(toy: Toy) -> None:
    network, options = Indifferent(toy), GenerateOptions(seconds=3)
    together = compose_freely(network, toy, options, 5, [0, 1, 2])
    [alone] = compose_freely(network, toy, options, 5, [2])
    assert together[2].tokens.tolist() == alone.tokens.tolist()
    assert together[0].tokens.tolist() != together[1].tokens.tolist()
    assert (together[2].seed, together[2].index) == (5, 2)


def test_a_piece_lasts_for_the_seconds_that_are_asked_for(toy: Toy) -> None:
    for seconds in (1, 4):
        for made in compose_freely(Indifferent(toy), toy, GenerateOptions(seconds=seconds), 1, range(8)):
            assert np.count_nonzero(made.tokens == 10) == seconds * TICKS
            assert 11 not in made.tokens[:-1]
            assert made.melody.timeline.seconds(made.melody.timeline.length) == pytest.approx(seconds)


def test_only_legal_tokens_are_drawn(toy: Toy) -> None:
    for made in compose_freely(Indifferent(toy), toy, GenerateOptions(seconds=5, top_p=1.0), 3, range(8)):
        rules = toy.tracker()
        for token in made.tokens.tolist():
            assert rules.legal()[token]
            rules.advance(token)


@pytest.mark.parametrize(
    ("option", "word"), [({"bars": 8}, "seconds="), ({"key": "G"}, "key="), ({"lowest": 50}, "pitch_range=")]
)
def test_options_of_melodies_are_refused_in_one_line(toy: Toy, option: dict, word: str) -> None:
    with pytest.raises(ValueError, match=word) as refused:
        compose_freely(Indifferent(toy), toy, GenerateOptions(**option), 1, [0])
    assert "\n" not in str(refused.value)


def test_notes_per_second_and_scale_are_refused_by_models_that_did_not_learn_them() -> None:
    without = make_encoding("events")
    for option in ({"notes_per_second": "4"}, {"scale": "C D E G A"}):
        with pytest.raises(ValueError, match="trained without the input"):
            compose_freely(Indifferent(without), without, GenerateOptions(**option), 1, [0])
    with pytest.raises(ValueError, match="notes_per_second="):
        rito.load_model().generate(notes_per_second="4", seed=1)
    with pytest.raises(ValueError, match="such as 4 or 2,8,4"):
        GenerateOptions(notes_per_second="4,fast")


def test_what_is_asked_for_reaches_the_features() -> None:
    rules = make_encoding("events", ("density", "pitches")).tracker()
    rules.steer((2.0,), 30.0, (0, 2, 4, 7, 9))
    density, *shares = rules.features()
    assert density == 6  # two notes a second
    assert shares == [3, 1, 3, 1, 3, 1, 1, 3, 1, 3, 1, 1]


def test_melodies_in_bars_refuse_seconds() -> None:
    with pytest.raises(ValueError, match="bars="):
        rito.load_model().generate(seconds=4, seed=1)


def test_the_ordinary_verbs_train_compose_score_and_save_other_music(toy: Toy, tmp_path) -> None:
    run = rito.train("hymns", tmp_path / "run", encoding=toy, preset="tiny", updates=6, seed=1)
    model = rito.load_model(run)
    tune = model.generate(seconds=2, seed=1)
    assert isinstance(tune.music, Piece)
    assert "note" in repr(tune)
    tune.save(tmp_path / "tune.mid")
    [again] = rito.read(tmp_path / "tune.mid")
    assert [(n.start, n.pitch) for n in all_notes(again)] == [(n.start, n.pitch) for n in all_notes(tune.music)]
    assert model.generate(seconds=2, seed=1, program=40).music.parts[0].program == 40
    assert tune.encoded("tune.wav").startswith(b"RIFF")
    assert b"<audio" in tune.encoded("tune.html")
    assert "<svg" in tune._repr_svg_()
    assert tune._repr_html_()
    with pytest.raises(ValueError, match=r"\.mid"):
        tune.encoded("tune.abc")
    score = model.evaluate("hymns", baselines=True)
    assert score["bits_per_note"] > 0
    assert "bits_per_quarter" not in score
    assert set(score["baselines"]) == {"uniform", "unigram", "ngram_tokens"}
    with pytest.raises(ValueError, match="note by note"):
        model.surprise("C4 E4")
    with pytest.raises(ValueError, match="primer"):
        model.generate(primer="C4 E4")

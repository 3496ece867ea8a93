"""Copy gates from end to end: encodings that echo, networks that train, check and play."""

import numpy as np
import pytest
from networks import network_of
from trainers import TRAINERS, a_plan, trainer_named

from ritornello.encoding import make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.model.options import NetworkOptions
from ritornello.model.players import Player
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.training.data import Streams
from ritornello.training.numpy.engine import NumpyEngine

BARS_AGO = ("bar_ago", "two_bars_ago")
ENCODINGS = {
    "grid": make_encoding("grid", echoes=BARS_AGO),
    "interval": make_encoding("interval", inputs=("position",), echoes=(*BARS_AGO, "motif", "contour")),
}


def said_twice(seed: int, quarters: int = 16) -> Melody:
    """Four bars of quarters at random, the last two as the first two."""
    pitches = np.random.default_rng(seed).integers(60, 73, 8).tolist() * (quarters // 8)
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, 480 * quarters, (Metre(0, 4, 4),)))


def tunes_of(encoding, seeds: range) -> list[np.ndarray]:
    return [encoding.encode(said_twice(seed)).tokens for seed in seeds]


def trained(engine, encoding, updates: int):
    streams = Streams(tunes_of(encoding, range(100)), encoding, 4, 1, 55, 79)
    for _ in range(updates):
        engine.update(streams.chunk(32), 0.02)
    return engine


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("name", ENCODINGS)
def test_what_training_checks_is_what_the_player_pays(name, trainer):
    encoding, network = ENCODINGS[name], NetworkOptions(1, 16, 12, 0.2, chain=8)
    melodies = tunes_of(encoding, range(900, 905))
    engine = trained(trainer_named(trainer)(network, encoding, a_plan(bptt_steps=32), melodies[0]), encoding, 20)
    tensors = engine.tensors()
    assert abs(tensors["echo.strength"]).max() > 0.01
    playing = network_of(tensors, np.float64)
    nats = []
    for melody in melodies:
        player, paid = Player(playing, encoding), 0.0
        for n, token in enumerate(melody.tolist()):
            paid -= np.log(player.ask()[token])
            if n + 1 < len(melody):
                player.feed(token)
        nats.append(paid)
    np.testing.assert_allclose(melody_nats(playing, melodies, encoding), nats, rtol=1e-9)
    assert engine.nll(melodies) == pytest.approx(sum(nats) / sum(map(len, melodies)), rel=1e-4)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_run_with_gates_taken_up_again_goes_on_to_the_bit(trainer):
    encoding, network = ENCODINGS["interval"], NetworkOptions(1, 16, 12, 0.2, chain=8)
    first, again = (trainer_named(trainer)(network, encoding, a_plan(bptt_steps=32)) for _ in range(2))
    saved = trained(first, encoding, 5).state()
    trained(first, encoding, 5)
    again.restore(saved)
    trained(again, encoding, 5)
    for name, value in first.state().items():
        np.testing.assert_array_equal(value, again.state()[name], err_msg=name)


def test_a_network_with_gates_learns_to_say_again_what_it_never_heard():
    network, nats = NetworkOptions(1, 16, 12, 0.0, chain=8), []
    for encoding in (make_encoding("note"), make_encoding("note", echoes=("two_bars_ago",))):
        engine = trained(NumpyEngine(network, encoding, a_plan(bptt_steps=32)), encoding, 150)
        melodies = tunes_of(encoding, range(900, 920))
        nats.append(engine.nll(melodies) * len(melodies[0]))
    # Eight pitches of thirteen by chance are not to be known; the eight after them are the same again.
    assert nats[0] - nats[1] > 0.7 * 8 * np.log(13)


def test_bfloat16_finds_nearly_the_same():
    pytest.importorskip("torch")
    from ritornello.training.update import TorchEngine

    encoding, network = ENCODINGS["interval"], NetworkOptions(1, 16, 12, 0.0, attention=3, chain=8)
    exact = trained(TorchEngine(network, encoding, a_plan(bptt_steps=32)), encoding, 20)
    rough = TorchEngine(network, encoding, a_plan(bptt_steps=32, dtype="bf16"))
    rough.load(exact.tensors())
    melodies = tunes_of(encoding, range(900, 905))
    assert rough.nll(melodies) == pytest.approx(exact.nll(melodies), rel=0.01)
    nlls = [rough.update(Streams(melodies, encoding, 4, 1).chunk(64), 0.01) for _ in range(10)]
    assert nlls[-1] < nlls[0]

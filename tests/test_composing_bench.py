"""The bench of composing: the two networks whose steps it sets side by side differ in attention alone."""

from benchmarks.composing.attention import LAYERS, REACH, WIDTH, Playing, network, tensors, turns


def test_the_two_networks_are_equally_wide_and_one_looks_back():
    plain, attentive = (tensors(LAYERS, WIDTH, reach) for reach in (0, REACH))
    for name in ("lstm.0.recurrent", "lstm.1.recurrent"):
        assert plain[name].shape == attentive[name].shape == (4 * 256, 256)
    more = attentive.keys() - plain.keys()
    assert more == {"attention.key", "attention.query", "attention.vector", "attention.place"}
    assert attentive["attention.place"].shape == (40,)


def test_by_the_time_the_clock_runs_all_of_the_reach_is_looked_at():
    playing = Playing(network(2, 16, 5))
    playing.microseconds(7)
    assert playing.state.memory is not None
    assert playing.state.memory.length == 5


def test_each_turn_times_both():
    found = turns(2, 3)
    assert len(found) == 2
    assert all(min(turn) > 0 for turn in found)

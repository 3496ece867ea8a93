"""Memory while playing: the same as memory of whole melodies, batches, weights of note groups, and forgetting."""

import numpy as np
import pytest
from networks import network_of
from trainers import a_plan

from ritornello.encoding import make_encoding
from ritornello.encoding.memory import SOURCES, Sizes, levels
from ritornello.model.counts import counts_to_tensors
from ritornello.model.options import NetworkOptions
from ritornello.model.players import Player, Players
from ritornello.model.recall import Corpus, Recall
from ritornello.model.suggestions import GAIN_STEP
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.training.memory import Memory
from ritornello.training.numpy.engine import NumpyEngine

ENCODINGS = {
    "own": make_encoding("interval", memory=("own",)),
    "corpus": make_encoding("interval", memory=("corpus",)),
    "both": make_encoding("interval", inputs=("position",), memory=("own", "corpus")),
    "previous": make_encoding("interval", relative_to="previous", memory=("own", "corpus")),
    "endings": make_encoding("interval", inputs=("countdown",), memory=SOURCES),
}
BOTH = ENCODINGS["both"]


def tune(seed: int, notes: int = 90) -> Melody:
    """Notes and rests of few pitches and lengths, so that contexts of every order come again."""
    random, made, time = np.random.default_rng(seed), [], 0
    for _ in range(notes):
        time += 240 * int(random.integers(0, 8) == 0)
        length = 240 * int(random.integers(1, 3))
        made.append(Note(time, length, 60 + int(random.integers(0, 4))))
        time += length
    return Melody(tuple(made), Timeline(480, time, (Metre(0, 4, 4),)))


def tokens_of(encoding, seeds: range, notes: int = 90) -> list[np.ndarray]:
    return [encoding.encode(tune(seed, notes)).tokens for seed in seeds]


def memory_of(encoding) -> Memory:
    return Memory(encoding, tokens_of(encoding, range(30), 24), list(range(30)))


class Reader:
    """Recall, fed with melodies side by side."""

    def __init__(self, encoding, n: int, memory: Memory | None = None):
        counts = memory.counts if memory else None
        self.trackers = [encoding.tracker() for _ in range(n)]
        corpus = Corpus(counts) if counts else None
        self.recall, self.first = Recall(Sizes.of(encoding), encoding.memory, corpus, n), encoding.parts[0]

    def read(self, groups: np.ndarray):
        """Feed groups, (n, 2); yields what is recalled before each of their tokens."""
        self.recall.begin([tracker.context() for tracker in self.trackers])
        yield self.recall.recall()
        self.recall.take(groups[:, 0])
        yield self.recall.recall()
        self.recall.add(groups[:, 1] - self.first)
        for tracker, tokens in zip(self.trackers, groups.tolist(), strict=True):
            for token in tokens:
                tracker.advance(token)

    def due(self):
        self.recall.begin([tracker.context() for tracker in self.trackers])
        return self.recall.recall()


def read(encoding, tokens: np.ndarray, memory: Memory | None = None) -> Reader:
    reader = Reader(encoding, 1, memory)
    for group in tokens[: len(tokens) // 2 * 2].reshape(-1, 1, 2):
        list(reader.read(group))
    return reader


def entries(recalled, row: int = 0) -> dict[tuple[int, int], float]:
    own = recalled.row == row
    keys = zip(recalled.token[own].tolist(), recalled.level[own].tolist(), strict=True)
    return dict(zip(keys, recalled.gain[own].tolist(), strict=True))


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_player_recalls_what_a_whole_melody_is_read_with(name):
    encoding, memory = ENCODINGS[name], memory_of(ENCODINGS[name])
    melodies = tokens_of(encoding, range(100, 103))
    groups = min(map(len, melodies)) // 2
    reader = Reader(encoding, 3, memory)
    for group in range(groups):
        now = np.array([tokens[2 * group : 2 * group + 2] for tokens in melodies])
        for part, ours in enumerate(reader.read(now)):
            for row, tokens in enumerate(melodies):
                theirs = memory.recollect([tokens]).parts[part].recall(np.array([group]))
                assert entries(ours, row) == pytest.approx(entries(theirs), abs=GAIN_STEP)
                np.testing.assert_array_equal(ours.evidence[row], theirs.evidence[0])


def test_entries_come_by_level():
    tokens = tokens_of(BOTH, range(100, 101))[0]
    reader = Reader(BOTH, 1, memory_of(BOTH))
    for group in tokens[:120].reshape(-1, 1, 2):
        for recalled in reader.read(group):
            assert (np.diff(recalled.level) >= 0).all()  # in which order a sum is made decides its last bit


def test_a_melody_that_begins_later_recalls_its_own_events_alone():
    encoding = ENCODINGS["own"]
    tokens, other = tokens_of(encoding, range(100, 102))
    header = int(np.flatnonzero(tokens < encoding.ids.rest)[0]) // 2
    late = np.concatenate([tokens[: 2 * header], tokens])  # the header twice: groups that are no events
    reader, alone = Reader(encoding, 2), Reader(encoding, 1)
    reader.trackers[0] = Waiting(reader.trackers[0], header)
    for group in range(60):
        if group < header:
            list(reader.read(np.array([late[2 * group : 2 * group + 2], other[2 * group : 2 * group + 2]])))
            continue
        ours = list(reader.read(np.array([late[2 * group : 2 * group + 2], other[2 * group : 2 * group + 2]])))
        at = group - header
        theirs = list(alone.read(tokens[2 * at : 2 * at + 2][None]))
        for one, two in zip(ours, theirs, strict=True):
            assert entries(one, 0) == entries(two, 0)
            np.testing.assert_array_equal(one.evidence[0], two.evidence[0])


class Waiting:
    """Rules that begin after some groups."""

    def __init__(self, tracker, groups: int):
        self.tracker, self.left = tracker, 2 * groups

    def context(self):
        return (-1, -1, 0, 0) if self.left else self.tracker.context()

    def advance(self, token: int) -> None:
        if self.left:
            self.left -= 1
        else:
            self.tracker.advance(token)


# Weights.


def test_note_groups_of_weight_1_change_nothing_to_the_bit():
    tokens, memory = tokens_of(BOTH, range(100, 101))[0], memory_of(BOTH)
    plain, weighed = (read(BOTH, tokens[:100], memory) for _ in range(2))
    weighed.recall.weigh(np.ones((1, 50)))
    for group in tokens[100:160].reshape(-1, 1, 2):  # more room is made meanwhile
        for ours, theirs in zip(weighed.read(group), plain.read(group), strict=True):
            for one, two in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(one, two)


def without_past(name: str, how: str):
    """Return what is recalled after 50 groups that weigh nothing, or are forgotten, and what it is otherwise."""
    encoding = ENCODINGS[name]
    tokens, memory = tokens_of(encoding, range(100, 101))[0], memory_of(encoding)
    plain, reader = (read(encoding, tokens[:100], memory) for _ in range(2))
    if how == "weigh":
        reader.recall.weigh(np.zeros(50))
    else:
        reader.recall.forget(0)
    return reader.due(), plain.due()


@pytest.mark.parametrize("how", ["weigh", "forget"])
def test_a_past_of_weight_0_is_no_past(how):
    own = np.array([level.source == "own" for level in levels(BOTH.memory, 0)])
    found, plain = without_past("both", how)
    corpus = {key: gain for key, gain in entries(plain).items() if not own[key[1]]}
    assert entries(found) == corpus != entries(plain)  # the corpus is asked with what came last
    np.testing.assert_array_equal(found.evidence[:, own], 0)
    np.testing.assert_array_equal(found.evidence[:, ~own], plain.evidence[:, ~own])
    found, plain = without_past("own", how)
    assert entries(found) == {} != entries(plain)


@pytest.mark.parametrize("how", ["weigh", "forget"])
def test_note_groups_after_a_past_of_weight_0_count_as_if_they_were_the_first(how):
    encoding = ENCODINGS["own"]
    tokens = tokens_of(encoding, range(100, 101))[0]
    reader, counted = read(encoding, tokens[:100]), {}
    if how == "weigh":
        reader.recall.weigh(np.zeros((1, 50)))
    else:
        reader.recall.forget(0)
    for group in tokens[100:160].reshape(-1, 1, 2):
        events, _ = reader.read(group)
        assert order_0(events) == pytest.approx(gains(counted))
        counted[int(group[0, 0])] = counted.get(int(group[0, 0]), 0) + 1


def test_weights_are_summed_instead_of_counts():
    encoding = ENCODINGS["own"]
    tokens = tokens_of(encoding, range(100, 101))[0]
    header, weights = int(np.flatnonzero(tokens < encoding.ids.rest)[0]) // 2, np.random.default_rng(1).random(50)
    weights[::7] = 0
    reader, counted = read(encoding, tokens[:100]), {}
    for event, weight in list(zip(tokens[:100:2].tolist(), weights.tolist(), strict=True))[header:]:
        if weight:
            counted[event] = counted.get(event, 0) + weight
    for _ in range(2):  # at any time, as often as wanted
        reader.recall.weigh(weights)
        assert order_0(reader.due()) == pytest.approx(gains(counted))
        reader.recall.weigh(np.ones(50))
        assert order_0(reader.due()) != pytest.approx(gains(counted))
    reader.recall.weigh(weights)
    reader.recall.forget(20)
    kept: dict[int, float] = {}
    for event, weight in zip(tokens[60:100:2].tolist(), weights[30:].tolist(), strict=True):
        if weight:
            kept[event] = kept.get(event, 0) + weight
    assert order_0(reader.due()) == pytest.approx(gains(kept))


def order_0(recalled) -> dict[int, float]:
    level = levels(("own",), 0).index(("own", 0, 0))
    return {token: gain for (token, own), gain in entries(recalled).items() if own == level}


def gains(counted: dict[int, float]) -> dict[int, float]:
    return {event: np.log1p(64 * number / len(counted)) for event, number in counted.items()}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(49), r"1 x 50 note groups"),
        (np.ones((2, 50)), "1 x 50"),
        (-np.ones(50), "0 or more"),
        (np.full(50, np.nan), "0 or more"),
    ],
)
def test_wrong_weights_are_refused_and_change_nothing(weights, message):
    reader = read(BOTH, tokens_of(BOTH, range(100, 101))[0][:100])
    before = entries(reader.due())
    with pytest.raises(ValueError, match=message):
        reader.recall.weigh(weights)
    with pytest.raises(ValueError, match="not -1"):
        reader.recall.forget(-1)
    assert entries(reader.due()) == before


# Through players.


def network(encoding):
    memory = memory_of(encoding)
    engine = NumpyEngine(NetworkOptions(1, 16, 12, 0.0, chain=8), encoding, a_plan(), memory=memory)
    return network_of(engine.tensors() | counts_to_tensors(memory.counts), np.float64)


def test_a_player_weighs_and_forgets_and_a_snapshot_keeps_it():
    network_, tokens = network(BOTH), tokens_of(BOTH, range(100, 101))[0]
    players, player = Players(network_, BOTH, 2), Player(network_, BOTH)
    for token in tokens[:81]:
        players.feed(np.array([token, token]))
        player.feed(int(token))
    assert players.groups == player.groups == 40
    plain, asked = players.logits, player.ask()
    players.weigh(np.ones(40))
    np.testing.assert_array_equal(players.logits, plain)
    players.weigh(np.stack([np.ones(40), np.zeros(40)]))
    np.testing.assert_array_equal(players.logits[0], plain[0])
    assert not np.allclose(players.logits[1], plain[1])
    weighed, place = players.logits, players.snapshot()
    players.forget()
    assert players.groups == 0
    np.testing.assert_allclose(players.logits, weighed[[1, 1]], rtol=1e-9)
    players.restore(place)
    assert players.groups == 40
    np.testing.assert_array_equal(players.logits, weighed)
    player.weigh(np.zeros(40))
    silent = player.ask()
    assert not np.allclose(silent, asked)
    player.forget()
    np.testing.assert_allclose(player.ask(), silent, rtol=1e-9)
    player.reset()
    assert player.groups == 0


def test_players_without_memory_weigh_nothing():
    bare = make_encoding("interval")
    engine = NumpyEngine(NetworkOptions(1, 16, 12, 0.0, chain=8), bare, a_plan())
    players = Players(network_of(engine.tensors()), bare, 1)
    players.feed(np.array([bare.ids.begin]))
    players.weigh(np.zeros(players.groups))
    players.forget()
    assert players.groups == 0

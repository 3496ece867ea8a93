"""Memory from end to end: what is counted and what is not, networks that train, check and play with it."""

import tracemalloc
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from networks import network_of
from trainers import TRAINERS, a_plan, trainer_named

from ritornello.encoding import make_encoding
from ritornello.encoding.memory import SOURCES, VIEWS, levels
from ritornello.evaluate.likelihood import melody_nats
from ritornello.evaluate.surprise import note_costs
from ritornello.model.counts import (
    MOST_BYTES,
    added,
    count,
    counts_of_tensors,
    counts_to_tensors,
    pruned,
)
from ritornello.model.options import NetworkOptions
from ritornello.model.players import Player, Players
from ritornello.model.suggestions import NO_FAMILY, read_events
from ritornello.music.values import Key, Melody, Metre, Note, Timeline
from ritornello.training.data import Streams
from ritornello.training.memory import Memory
from ritornello.training.numpy.engine import NumpyEngine

SMALL = NetworkOptions(1, 16, 12, 0.2, chain=8)
BOTH = make_encoding("interval", inputs=("position",), memory=("own", "corpus"))
ENCODINGS = {
    "own": make_encoding("interval", inputs=("position",), memory=("own",)),
    "both": BOTH,
    "previous": make_encoding("interval", relative_to="previous", memory=("own", "corpus")),
    "endings": make_encoding("interval", inputs=("countdown",), memory=SOURCES),
}


def said_twice(seed: int, quarters: int = 16) -> Melody:
    """Four bars of quarters at random, the last two as the first two."""
    pitches = np.random.default_rng(seed).integers(60, 73, 8).tolist() * (quarters // 8)
    notes = tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, 480 * quarters, (Metre(0, 4, 4),)))


def tunes_of(encoding, seeds: range) -> list[np.ndarray]:
    return [encoding.encode(said_twice(seed)).tokens for seed in seeds]


def memory_of(encoding, seeds: range = range(100)) -> Memory:
    return Memory(encoding, tunes_of(encoding, seeds), list(seeds))


def trained(engine, encoding, memory: Memory | None, updates: int):
    recollection = memory.learned if memory else None
    streams = Streams(tunes_of(encoding, range(100)), encoding, 4, 1, 55, 79, recollection)
    for _ in range(updates):
        engine.update(streams.chunk(32), 0.02)
    return engine


def playing(engine, memory: Memory, dtype=np.float64):
    counts = {} if memory.counts is None else counts_to_tensors(memory.counts)
    return network_of(engine.tensors() | counts, dtype)


def some_network(encoding, memory: Memory, updates: int = 20, trainer: str = "numpy"):
    before = tunes_of(encoding, range(900, 901))[0]
    engine = trainer_named(trainer)(SMALL, encoding, a_plan(bptt_steps=32), before, memory)
    return playing(trained(engine, encoding, memory, updates), memory)


def entries(recalled, row: int, wanted=lambda level: True) -> dict:
    chosen = (recalled.row == row) & wanted(recalled.level)
    keys = zip(recalled.token[chosen].tolist(), recalled.level[chosen].tolist(), strict=True)
    return dict(zip(keys, recalled.gain[chosen].tolist(), strict=True))


# What is counted.


def test_what_has_followed_in_the_melody_so_far_is_suggested_with_its_gain():
    encoding = ENCODINGS["own"]
    melody = Melody(
        tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate([60, 64, 60, 67, 60, 64, 60])),
        Timeline(480, 480 * 7, (Metre(0, 4, 4),)),
    )
    tokens = encoding.encode(melody).tokens
    first = int(np.flatnonzero(tokens < encoding.ids.rest)[0]) // 2  # group of the first note
    part = memory_of(encoding).recollect([tokens]).parts[0].recall(np.arange(len(tokens) // 2 + 1))
    what = levels(("own",), 0)
    after_one = what.index(("own", 0, 1))
    c, e, g = tokens[2 * first], tokens[2 * first + 2], tokens[2 * first + 6]
    # Before the seventh note, a C after an E: twice C, of two followers of E; before the fifth, after G: nothing.
    found = entries(part, first + 6, lambda level: level == after_one)
    assert found == {(c, after_one): pytest.approx(np.log1p(1 * 64 / 1), abs=2e-4)}
    assert entries(part, first + 4, lambda level: level == after_one) == {}
    # Before the sixth, after a C: once E, once G.
    found = entries(part, first + 5, lambda level: level == after_one)
    assert found == {(t, after_one): pytest.approx(np.log1p(1 * 64 / 2), abs=2e-4) for t in (e, g)}
    assert entries(part, first) == {}
    assert all(not entries(part, group) for group in range(first))


def test_the_place_one_phrase_and_one_section_ago_is_suggested_as_it_was_and_moved():
    encoding = ENCODINGS["own"]
    four = [60, 64, 62, 67, 65, 65, 64, 60, 62, 60, 59, 60, 67, 64, 62, 62]  # four bars of quarters
    pitches = [*four, *(p + 2 for p in four), *four]
    melody = Melody(
        tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate(pitches)),
        Timeline(480, 480 * len(pitches), (Metre(0, 4, 4),)),
    )
    tokens = encoding.encode(melody).tokens
    first = int(np.flatnonzero(tokens < encoding.ids.rest)[0]) // 2  # group of the first note
    part = memory_of(encoding).recollect([tokens]).parts[0].recall(np.arange(len(tokens) // 2 + 1))

    def suggested(note: int, head: str, follower: str) -> set[int]:
        view = next(n for n, v in enumerate(VIEWS) if (v.part, v.head, v.follower) == (0, head, follower))
        level = levels(("own",), 0).index(("own", view, 0))
        return {token for token, _ in entries(part, first + note, lambda found: found == level)}

    event = [int(tokens[2 * (first + n)]) for n in range(len(pitches))]
    for note in range(1, 16):
        assert suggested(16 + note, "phrase", "step") == {
            event[16 + note]
        }  # the phrase before, moved by two semitones
        assert suggested(16 + note, "section", "step") == suggested(16 + note, "section", "event") == set()
        assert suggested(32 + note, "section", "event") == {event[32 + note]}  # eight bars ago, not four
        assert suggested(32 + note, "section", "step") == {event[32 + note]}
    assert suggested(32, "section", "event") == {event[0]}


@pytest.mark.parametrize("name", ENCODINGS)
def test_no_suggestion_knows_the_present_event_or_a_later_one(name):
    encoding = ENCODINGS[name]
    one, other = tunes_of(encoding, range(500, 502))
    first = int(np.flatnonzero(one < encoding.ids.rest)[0])
    for at in (first, first + 6, first + 14):
        mixed = np.concatenate([one[:at], other[at:]])
        if (mixed[at : at + 2] == one[at : at + 2]).all():
            continue
        groups = np.arange(at // 2 + 1)
        memories = [
            Memory(encoding, [tokens, *tunes_of(encoding, range(20))], list(range(21))) for tokens in (one, mixed)
        ]
        for pair in (
            [memory.learned for memory in memories],
            [memories[0].recollect([one]), memories[0].recollect([mixed])],
        ):
            firsts = [recollection.firsts[0] for recollection in pair]
            for part, upto in ((0, groups), (1, groups[:-1])):
                ours, theirs = (r.parts[part].recall(f + upto) for r, f in zip(pair, firsts, strict=True))
                for values, expected in zip(ours, theirs, strict=True):
                    np.testing.assert_array_equal(values, expected)


def test_a_family_is_left_out_of_what_its_melodies_learn_with():
    tune, variant, *others = tunes_of(BOTH, range(12))
    variant = tune.copy()
    last = np.flatnonzero(variant < BOTH.ids.rest)[-1]
    variant[last] += 1
    memory = Memory(BOTH, [tune, *others, variant], [0, *range(1, len(others) + 1), 0])
    without = Memory(BOTH, others, list(range(len(others))))
    groups = np.arange(-(-len(tune) // 2))
    for part in (0, 1):
        ours = memory.learned.parts[part].recall(memory.learned.firsts[0] + groups)
        theirs = without.recollect([tune]).parts[part].recall(groups)
        for row in groups:
            assert entries(ours, row) == entries(theirs, row)
        np.testing.assert_array_equal(ours.evidence, theirs.evidence)
    alone = Memory(BOTH, [tune, *others, variant], list(range(len(others) + 2)))  # as if they were no family
    ours = alone.learned.parts[0].recall(alone.learned.firsts[0] + groups)
    assert len(ours.row) > len(theirs.row)


def ending_on_c(seed: int) -> Melody:
    """Three bars of quarters at random, then a half note C."""
    pitches = [*np.random.default_rng(seed).integers(60, 73, 12).tolist(), 60]
    notes = tuple(Note(480 * n, 480 if n < 12 else 960, pitch) for n, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, 480 * 14, (Metre(0, 4, 4),), (Key(0, 0),)))


def test_endings_are_suggested_where_the_end_is_known_and_nowhere_else():
    encoding = ENCODINGS["endings"]
    tunes = [encoding.encode(ending_on_c(seed)).tokens for seed in range(10)]
    memory, groups = Memory(encoding, tunes, list(range(10))), len(tunes[0]) // 2
    last = groups - 1  # of the half note; after it `end` stands alone
    of_endings = [np.array([level.source == "ending" for level in levels(SOURCES, part)]) for part in (0, 1)]
    event, duration = int(tunes[0][2 * last]), int(tunes[0][2 * last + 1]) - encoding.parts[0]
    places = [int(np.flatnonzero(mask)[0]) for mask in of_endings]  # of order 0
    for part, token in enumerate((event, duration)):
        found = memory.learned.parts[part].recall(memory.learned.firsts[0] + np.arange(groups))
        # The nine other tunes have a C there, a half note: one's own is left out.
        gain = pytest.approx(np.log1p(9 * 64 / 1), abs=2e-4)
        assert entries(found, last, partial(np.equal, places[part])) == {(token, places[part]): gain}
        unknown = memory.recollect(tunes[:1]).parts[part].recall(np.arange(groups))
        assert not of_endings[part][unknown.level].any()
        assert (unknown.evidence[:, of_endings[part]] == 0).all()


def test_endings_are_learned_with_where_the_countdown_is_known():
    encoding = ENCODINGS["endings"]
    tunes = [encoding.encode(ending_on_c(seed)).tokens for seed in range(10)]
    memory = Memory(encoding, tunes, list(range(10)))
    batch = Streams(tunes, encoding, 8, 1, 55, 79, memory.learned).chunk(40)
    is_known = batch.features[:, :, -1].ravel() > 0
    assert 0 < is_known.sum() < len(is_known)
    for part, recalled in enumerate(batch.memory):
        of_endings = np.array([level.source == "ending" for level in levels(SOURCES, part)])
        rows = recalled.row[of_endings[recalled.level]]
        assert len(rows) > 0
        assert is_known[rows].all()
        assert (recalled.evidence[~is_known][:, of_endings] == 0).all()
        assert (recalled.evidence[is_known][:, of_endings] > 0).any()


def test_of_a_single_family_nothing_is_counted():
    memory = Memory(BOTH, tunes_of(BOTH, range(3)), [0, 0, 0])
    assert all(len(table.counts) == 0 for tables in memory.counts.tables.values() for table in tables)


def counted(seeds: range):
    events = read_events(BOTH, tunes_of(BOTH, seeds))
    return count(events.codes, events.first, BOTH.parts[0])


def assert_same_counts(one, other):
    assert one.least == other.least
    for index, tables in one.tables.items():
        for ours, theirs in zip(tables, other.tables[index], strict=True):
            for name in ("keys", "start", "followers", "counts"):
                np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_counts_come_back_from_the_tensors_of_a_file():
    counts = counted(range(300))
    assert_same_counts(counts_of_tensors(counts_to_tensors(counts)), counts)
    assert any((table.counts > 255).any() for tables in counts.tables.values() for table in tables)
    assert all(value.dtype.kind == "u" for value in counts_to_tensors(counts).values())


def test_counts_of_two_corpora_are_added():
    assert_same_counts(added(counted(range(40)), counted(range(40, 60))), counted(range(60)))


def test_rare_contexts_are_left_out_until_the_file_has_room():
    counts = counted(range(40))
    few = pruned(counts, 3)
    assert few.size < counts.size <= MOST_BYTES
    assert all(table.totals.min(initial=3) >= 3 for tables in few.tables.values() for table in tables)
    assert counts.of_size(few.size).least == 3
    assert counts.of_size() is counts


def test_melodies_of_the_base_s_corpus_are_read_without_their_families():
    old, new = tunes_of(BOTH, range(30)), tunes_of(BOTH, range(100, 110))
    base = Memory(BOTH, old, list(range(30))).counts
    memory = Memory(BOTH, new, list(range(10)), base, old[:2], [0, 1])
    assert_same_counts(memory.counts, counted_of([*old, *new]))
    without = Memory(BOTH, [*old[1:], *new], list(range(39)))
    groups = np.arange(-(-len(old[0]) // 2))
    ours = memory.learned.parts[0].recall(memory.learned.firsts[10] + groups)
    theirs = without.recollect([old[0]]).parts[0].recall(groups)
    assert [entries(ours, row) for row in groups] == [entries(theirs, row) for row in groups]
    composed = Memory(BOTH, new, list(range(10)), base, [old[0]], [NO_FAMILY])  # nothing of it was counted
    assert len(composed.learned.parts[0].token) > 0


def counted_of(melodies):
    events = read_events(BOTH, melodies)
    return count(events.codes, events.first, BOTH.parts[0])


def test_blocks_of_melodies_are_put_end_to_end_in_place(monkeypatch):
    tunes, families = tunes_of(BOTH, range(300)), [n // 2 for n in range(300)]
    whole = Memory(BOTH, tunes, families).learned
    monkeypatch.setattr("ritornello.training.memory.BLOCK", 100)
    tracemalloc.start()
    blocks = Memory(BOTH, tunes, families).learned
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.8 * kept  # pieces that are joined at the end would be in memory twice
    for n in range(len(tunes)):
        groups = np.arange(len(tunes[n]) // 2)
        for ours, theirs in zip(blocks.parts, whole.parts, strict=True):
            one, other = ours.recall(blocks.firsts[n] + groups), theirs.recall(whole.firsts[n] + groups)
            for values, expected in zip(one, other, strict=True):
                np.testing.assert_array_equal(values, expected)


# Training and playing.


@pytest.mark.parametrize("trainer", [*TRAINERS, "transformer"])
@pytest.mark.parametrize("name", ENCODINGS)
def test_what_training_checks_is_what_the_player_pays(name, trainer):
    encoding, memory = ENCODINGS[name], memory_of(ENCODINGS[name])
    melodies = tunes_of(encoding, range(900, 905))
    network = replace(SMALL, kind="transformer", attention=64) if trainer == "transformer" else SMALL
    trainer = "torch" if trainer == "transformer" else trainer
    engine = trainer_named(trainer)(network, encoding, a_plan(bptt_steps=32), melodies[0], memory)
    trained(engine, encoding, memory, 20)
    network, nats = playing(engine, memory), []
    for melody in melodies:
        player, paid = Player(network, encoding), 0.0
        for n, token in enumerate(melody.tolist()):
            paid -= np.log(player.ask()[token])
            if n + 1 < len(melody):
                player.feed(token)
        nats.append(paid)
    np.testing.assert_allclose(melody_nats(network, melodies, encoding), nats, rtol=1e-8)
    assert engine.nll(melodies) == pytest.approx(sum(nats) / sum(map(len, melodies)), rel=1e-4)


def test_both_trainers_have_the_same_loss_and_take_the_same_steps():
    pytest.importorskip("torch")
    memory, network = memory_of(BOTH), NetworkOptions(2, 16, 12, 0.0, chain=8)
    torch, plain = (
        trainer_named(name)(network, BOTH, a_plan(bptt_steps=32), memory=memory) for name in TRAINERS[::-1]
    )
    random = np.random.default_rng(1)
    tensors = {
        name: value + 0.1 * random.standard_normal(value.shape).astype(np.float32) * name.startswith("memory")
        for name, value in torch.tensors().items()
    }
    torch.load(tensors)
    plain.load(tensors)
    ours, theirs = (Streams(tunes_of(BOTH, range(100)), BOTH, 4, 1, 55, 79, memory.learned) for _ in range(2))
    for _ in range(6):
        assert torch.update(ours.chunk(32), 0.01) == pytest.approx(plain.update(theirs.chunk(32), 0.01), rel=1e-4)
    for name, value in torch.tensors().items():
        # Within half a step of 0.01: where a gradient is next to nothing, rounding decides how far Adam goes.
        np.testing.assert_allclose(plain.tensors()[name], value, atol=5e-3, err_msg=name)


def test_the_gradients_of_the_gates_are_those_of_finite_differences():
    memory, network = memory_of(BOTH), NetworkOptions(1, 16, 12, 0.0, chain=8)
    engine = NumpyEngine(network, BOTH, a_plan(bptt_steps=32), memory=memory, dtype=np.float64)
    batch = Streams(tunes_of(BOTH, range(100)), BOTH, 2, 1, 55, 79, memory.learned).chunk(24)
    weights, gradients = engine._weights.named, engine._gradients.named
    random = np.random.default_rng(2)
    for name, value in weights.items():
        if name.startswith("memory"):
            value += 0.2 * random.standard_normal(value.shape)

    def nats() -> float:
        passage = engine._new_pass(*batch.inputs.shape[:2])
        passage.forward(weights, batch)
        return passage.nats(weights, batch)

    passage = engine._new_pass(*batch.inputs.shape[:2])
    passage.forward(weights, batch)
    passage.backward(weights, batch, gradients, 1)
    for name, value in weights.items():
        place = np.unravel_index(int(abs(gradients[name]).argmax()), value.shape)
        kept, found = value[place], []
        for step in (1e-5, -1e-5):
            value[place] = kept + step
            found.append(nats())
        value[place] = kept
        assert gradients[name][place] == pytest.approx((found[0] - found[1]) / 2e-5, rel=1e-5), name


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_run_with_memory_taken_up_again_goes_on_to_the_bit(trainer):
    memory, tunes = memory_of(BOTH), tunes_of(BOTH, range(100))

    def begun(seed: int):
        engine = trainer_named(trainer)(SMALL, BOTH, a_plan(bptt_steps=32, seed=seed), memory=memory)
        return engine, Streams(tunes, BOTH, 4, seed, 55, 79, memory.learned)

    engine, streams = begun(1)
    for _ in range(5):
        engine.update(streams.chunk(32), 0.02)
    saved, place = engine.state(), streams.state()
    expected = [engine.update(streams.chunk(32), 0.02) for _ in range(5)]
    again, again_streams = begun(2)
    again.restore(saved)
    again_streams.restore(place)
    assert [again.update(again_streams.chunk(32), 0.02) for _ in range(5)] == expected
    for name, value in engine.state().items():
        np.testing.assert_array_equal(value, again.state()[name], err_msg=name)


def test_a_network_with_memory_learns_to_say_again_what_it_never_heard():
    network, nats = NetworkOptions(1, 16, 12, 0.0, chain=8), []
    for encoding in (make_encoding("interval"), make_encoding("interval", memory=("own",))):
        memory = memory_of(encoding) if encoding.memory else None
        engine = trained(NumpyEngine(network, encoding, a_plan(bptt_steps=32), memory=memory), encoding, memory, 150)
        melodies = tunes_of(encoding, range(900, 920))
        nats.append(engine.nll(melodies) * len(melodies[0]))
    # Eight pitches of thirteen by chance are not to be known; the eight after them are the same again.
    assert nats[0] - nats[1] > 0.4 * 8 * np.log(13)


def test_bfloat16_finds_nearly_the_same():
    pytest.importorskip("torch")
    from ritornello.training.update import TorchEngine

    memory, network = memory_of(BOTH), NetworkOptions(1, 16, 12, 0.0, attention=3, chain=8)
    exact = trained(TorchEngine(network, BOTH, a_plan(bptt_steps=32), memory=memory), BOTH, memory, 20)
    rough = TorchEngine(network, BOTH, a_plan(bptt_steps=32, dtype="bf16"), memory=memory)
    rough.load(exact.tensors())
    melodies = tunes_of(BOTH, range(900, 905))
    assert rough.nll(melodies) == pytest.approx(exact.nll(melodies), rel=0.01)


def test_the_later_notes_of_a_melody_and_all_other_melodies_change_no_probability():
    network = some_network(BOTH, memory_of(BOTH))
    one, other, noise = tunes_of(BOTH, range(900, 903))
    at = int(np.flatnonzero(one < BOTH.ids.rest)[9])
    mixed = np.concatenate([one[:at], noise[at:]])
    [whole, _], [cut, _], [alone] = (
        note_costs(network, BOTH, each) for each in ([one, other], [mixed, noise], [one])
    )
    np.testing.assert_allclose(cut["bits"][:9], whole["bits"][:9], rtol=1e-9)
    np.testing.assert_allclose(alone["bits"], whole["bits"], rtol=1e-9)


def test_dials_turn_the_two_sources_up_and_down():
    network = some_network(BOTH, memory_of(BOTH))
    tokens = tunes_of(BOTH, range(900, 901))[0][:21]

    def logits(**dials) -> np.ndarray:
        players = Players(network, BOTH, 1, **dials)
        for token in tokens:
            players.feed(np.array([token]))
        return players.logits[0]

    plain = logits()
    np.testing.assert_array_equal(logits(memory=1.0, quote=1.0), plain)
    more, less = logits(memory=2.0) - plain, logits(memory=0.0) - plain
    np.testing.assert_allclose(more, -less, atol=1e-9)
    assert abs(more).max() > 1e-3
    quoted, unquoted = logits(quote=2.0) - plain, logits(quote=0.0) - plain
    np.testing.assert_allclose(quoted, -unquoted, atol=1e-9)
    assert abs(quoted).max() > 1e-3
    assert not np.allclose(more, quoted)
    own = ENCODINGS["own"]
    with pytest.raises(ValueError, match="trained without memory of its training tunes; leave quote= out"):
        Players(some_network(own, memory_of(own), 2), own, 1, quote=0.5)


def test_what_the_melody_s_own_past_suggests_is_known_for_the_due_part():
    network = some_network(BOTH, memory_of(BOTH), 2)
    tokens = tunes_of(BOTH, range(900, 901))[0]
    players, notes = Players(network, BOTH, 1), np.flatnonzero(tokens < BOTH.ids.rest)
    for n, token in enumerate(tokens.tolist()):
        suggested = players.suggested()
        assert suggested.shape == (1, BOTH.parts[n % 2])
        if n < notes[1]:
            assert not suggested.any()
        if n >= notes[9]:  # said again: what followed the last events before follows now
            assert suggested[0, token - players.first] or token == BOTH.end
        players.feed(np.array([token]))
    bare = make_encoding("interval")
    engine = NumpyEngine(SMALL, bare, a_plan())
    assert Players(network_of(engine.tensors()), bare, 1).suggested() is None


def test_players_leave_and_go_back_with_their_memory():
    network = some_network(BOTH, memory_of(BOTH), 5)
    tunes = [tokens[:30] for tokens in tunes_of(BOTH, range(900, 903))]
    alone = Players(network, BOTH, 1)
    for token in tunes[1]:
        alone.feed(np.array([token]))
    together = Players(network, BOTH, 3)
    for n, column in enumerate(np.stack(tunes, 1)):
        if n == 21:
            together.keep(np.array([0, 1]))
            place = together.snapshot()
            together.feed(np.array([column[1], column[1]]))
            together.restore(place)
        together.feed(column if n < 21 else column[:2])
    together.keep(np.array([1]))
    np.testing.assert_allclose(together.logits, alone.logits, rtol=1e-9)

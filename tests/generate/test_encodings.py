"""The same rules of composing and scoring in every encoding: form, range, key, primer, repeatability, surprise."""

import math

import numpy as np
import pytest

from ritornello.corpus.exact import reproduced_exactly
from ritornello.encoding import make_encoding
from ritornello.encoding.options import EncodingOptions
from ritornello.evaluate.form import faults
from ritornello.evaluate.likelihood import melody_nats
from ritornello.generate.compose import compose, counting_network
from ritornello.generate.constraints import forms_of
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.players import Player
from ritornello.music.keys import scale_pitch_classes
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

SPELLED = {
    "the default": EncodingOptions().build().to_dict(),
    "plain": {"name": "grid", "plain": True},
    "grid": {"name": "grid"},
    "grid with inputs": {"name": "grid", "steps_per_quarter": 6, "inputs": ("position", "bar_ago")},
    "note": {"name": "note"},
    "note with inputs": {"name": "note", "inputs": ("position", "metre", "key", "bar_ago", "two_bars_ago")},
    "lookback": {"name": "lookback"},
    "note in keys": {"name": "note", "inputs": ("metre", "key", "degree"), "with_key": True},
    "grid in keys": {"name": "grid", "inputs": ("key", "degree"), "with_key": True},
    "lookback in keys": {"name": "lookback", "with_key": True},
    "interval to the key": {"name": "interval"},
    "interval to the note before": {"name": "interval", "relative_to": "previous", "inputs": ("metre",)},
}
PITCH_RANGE = (50, 76)


@pytest.fixture(scope="module", params=SPELLED)
def encoding(request):
    return make_encoding(**SPELLED[request.param])


@pytest.fixture(scope="module")
def network(encoding, make_network):
    """Random weights, so small that anything may come."""
    alphabet = Alphabet.of(encoding)
    sizes = {
        "second": sum(alphabet.parts[1:]),
        "side": alphabet.features,
        "memory": alphabet.memory,
    }
    return make_network(encoding.vocabulary.size, scale=0.2, seed=2, dtype=np.float64, **sizes)


def knows_bars(encoding) -> bool:
    """Whether its tunes begin with a metre and may begin with a pick-up: all but those of the plain grid."""
    return encoding.end is not None


def faulty(tunes, encoding, bars, pitch_range=PITCH_RANGE) -> list:
    return [found for tune in tunes if (found := faults(tune.tokens, encoding, bars, pitch_range))]


@pytest.mark.parametrize("metre", ["3/4", "4/4", "3/8", "6/8", "2/2", None])
def test_bars_and_endings(network, encoding, metre):
    if metre and not knows_bars(encoding):
        with pytest.raises(ValueError, match="this model knows no metres"):
            compose(network, encoding, GenerateOptions(metre=metre), 1, [0])
        return
    for bars in (1, 4):
        options = GenerateOptions(bars=bars, metre=metre, top_p=1.0)
        tunes = compose(network, encoding, options, 1, range(24), pitch_range=PITCH_RANGE)
        assert faulty(tunes, encoding, bars) == []
        if metre:
            assert {t.melody.timeline.metre.name for t in tunes} == {metre}


def test_range_scale_and_key(network, encoding):
    ranged = GenerateOptions(bars=3, lowest=60, highest=71, key="Eb", scale_lock=True)
    for tune in compose(network, encoding, ranged, 1, range(16), pitch_range=PITCH_RANGE):
        assert {n.pitch for n in tune.melody.notes} <= {60, 62, 63, 65, 67, 68, 70}
        assert tune.melody.timeline.key == Key(0, -3, "major")
    for tune in compose(network, encoding, GenerateOptions(bars=3, key="A"), 1, range(8), pitch_range=PITCH_RANGE):
        assert tune.melody.timeline.key.fifths == 3


@pytest.mark.parametrize("primer", [None, "C5 B4:1/2 A4"])
def test_a_melody_is_the_same_alone_and_in_a_batch(network, encoding, primer):
    options, opening = GenerateOptions(bars=3), parse_notes(primer) if primer else None
    together = compose(network, encoding, options, 7, range(12), opening)
    alone = [compose(network, encoding, options, 7, [n], opening)[0] for n in range(12)]
    assert [a.tokens.tolist() for a in alone] == [t.tokens.tolist() for t in together]
    assert len({tuple(t.tokens) for t in together}) == 12


def test_no_temperature_no_chance_in_any_part(network, encoding):
    options = GenerateOptions(bars=2, temperature=0)
    assert len({tuple(compose(network, encoding, options, seed, [seed])[0].tokens) for seed in range(3)}) == 1


def test_surprise_is_what_the_tokens_that_start_a_note_cost(network, encoding):
    [tune] = compose(network, encoding, GenerateOptions(bars=3), 3, [0])
    counts = "countdown" in getattr(encoding, "inputs", ())  # then the network knows how many bars are left
    player, bits = Player(counting_network(network, encoding), encoding), []
    [form] = forms_of(encoding, GenerateOptions(bars=3), player._players.trackers, (0, 127)) if counts else [None]
    for token in tune.tokens:
        if form:
            form.observe()
        bits.append(-math.log2(player.ask()[token]))
        if token != encoding.end:
            player.feed(int(token))
    parts = len(encoding.parts)
    expected = [sum(bits[at : at + parts]) for at in encoding.onsets(tune.tokens)]
    np.testing.assert_allclose(tune.surprise, expected, rtol=1e-9)
    assert len(tune.surprise) == len(tune.melody.notes)
    # the whole tune costs what the scorer says, alone or beside a longer one
    [longer] = compose(network, encoding, GenerateOptions(bars=5), 4, [0])
    nats = melody_nats(network, [tune.tokens, longer.tokens], encoding)
    assert counts or nats[0] == pytest.approx(sum(bits) * math.log(2))


def test_a_primer_is_kept_exactly(network, encoding):
    primer = parse_notes("G4:1/2 A4:1/2 r:1/2 B4:3/2 C5")
    for tune in compose(network, encoding, GenerateOptions(bars=3), 1, range(8), primer):
        per = tune.melody.timeline.ticks_per_quarter
        told = [(n.start / per, n.duration / per, n.pitch) for n in tune.melody.notes]
        assert told[:3] == [(0, 0.5, 67), (0.5, 0.5, 69), (1.5, 1.5, 71)]
        assert (told[3][0], told[3][2]) == (3, 72)
        assert faulty([tune], encoding, 3, (0, 127)) == []


def test_a_primers_own_pickup_is_kept_and_not_counted(network, encoding):
    if not knows_bars(encoding):
        return
    timeline = Timeline(480, 2400, (Metre(0, 4, 4), Metre(480, 4, 4)))
    primer = Melody((Note(0, 480, 67), Note(480, 1920, 60)), timeline)
    for tune in compose(network, encoding, GenerateOptions(bars=2), 1, range(8), primer):
        per = tune.melody.timeline.ticks_per_quarter
        assert tune.melody.timeline.pickup == per
        assert [n[:3] for n in tune.melody.notes[:1]] == [(0, per, 67)]
        assert tune.melody.notes[1][::2][:2] == (per, 60)
        assert faulty([tune], encoding, 2, (0, 127)) == []
    with pytest.raises(ValueError, match="the primer fills 1 bars: ask for at least 2"):
        compose(network, encoding, GenerateOptions(bars=1), 1, [0], primer)


def test_a_primer_may_be_given_another_metre(network, encoding):
    if not knows_bars(encoding):
        return
    timeline = Timeline(480, 2400, (Metre(0, 4, 4), Metre(480, 4, 4)))
    primer = Melody((Note(0, 480, 67), Note(480, 480, 60)), timeline)
    [tune] = compose(network, encoding, GenerateOptions(bars=3, metre="3/4"), 1, [0], primer)
    assert tune.melody.timeline.metre.name == "3/4"
    assert tune.melody.timeline.pickup == tune.melody.timeline.ticks_per_quarter
    assert faulty([tune], encoding, 3, (0, 127)) == []


def test_what_is_composed_lies_in_its_key_and_is_written_again_as_it_was(network, encoding):
    options = GenerateOptions(bars=4, key="D", scale_lock=True)
    for tune in compose(network, encoding, options, 5, range(8), pitch_range=PITCH_RANGE):
        assert {n.pitch % 12 for n in tune.melody.notes} <= scale_pitch_classes(Key(0, 2))
        assert reproduced_exactly(encoding, tune.melody)


def test_a_range_that_nothing_reaches_from_a_primer_does_not_stop_the_tune(network, encoding):
    options = GenerateOptions(bars=3, lowest=100, highest=110)
    for tune in compose(network, encoding, options, 1, range(4), parse_notes("C2 D2")):
        assert faulty([tune], encoding, 3, (0, 127)) == []


def test_a_key_in_a_narrow_range_locks_the_scale_only_where_no_header_can_name_the_key(network, encoding):
    options = GenerateOptions(bars=4, lowest=60, highest=69, key="Bb")
    tunes = compose(network, encoding, options, 1, range(24), pitch_range=PITCH_RANGE)
    pitches = {n.pitch for tune in tunes for n in tune.melody.notes}
    assert {tune.melody.timeline.key for tune in tunes} == {Key(0, -2, "major")}
    assert pitches == (set(range(60, 70)) if getattr(encoding, "names_key", False) else {60, 62, 63, 65, 67, 69})


def test_what_stands_beside_the_tokens_is_asked_for_where_a_group_begins(network, encoding, monkeypatch):
    kind, parts = type(encoding.tracker()), []
    features = kind.features

    def counted(tracker):
        parts.append(tracker.part)
        return features(tracker)

    monkeypatch.setattr(kind, "features", counted)
    [tune] = compose(network, encoding, GenerateOptions(bars=2), 1, [0], parse_notes("C5 B4"))
    player = Player(network, encoding)
    for token in tune.tokens[:-1]:
        player.feed(int(token))
    assert set(parts) <= {0}
    assert bool(parts) == bool(encoding.features or encoding.memory)

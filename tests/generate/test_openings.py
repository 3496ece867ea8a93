"""How a primer goes on where the header names key and octave: the model weighs what the primer leaves open."""

from dataclasses import replace

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import Grid, IntervalEncoding, make_encoding
from ritornello.generate.compose import compose
from ritornello.generate.openings import openings_of
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.alphabet import Alphabet
from ritornello.model.players import Player
from ritornello.music.values import Key, Melody

INTERVAL = IntervalEncoding()
HIGH = parse_notes("C6 B5 A5")  # 84 83 81
ANYWHERE = np.ones(128, bool)


def leaning_to(encoding, *names: str) -> Indifferent:
    """A network that is nearly sure of the tokens of these names."""
    return Indifferent(
        encoding, {n: 20 for n in range(encoding.vocabulary.size) if encoding.vocabulary.name_of(n) in names}
    )


def heading(tokens: np.ndarray) -> tuple[str, str]:
    """Key and octave that a tune's header names."""
    names = [INTERVAL.vocabulary.name_of(int(token)) for token in tokens]
    place = next(n for n, name in enumerate(names) if name.startswith("key"))
    return names[place], names[place + 1]


def in_key(primer: Melody, fifths: int, mode: str = "major") -> Melody:
    return replace(primer, timeline=replace(primer.timeline, keys=(Key(0, fifths, mode),)))


def test_a_tune_may_go_far_below_a_high_primer():
    tunes = compose(Indifferent(INTERVAL), INTERVAL, GenerateOptions(bars=4), 1, range(60), HIGH, (46, 88))
    assert all([n.pitch for n in tune.melody.notes[:3]] == [84, 83, 81] for tune in tunes)
    assert min(n.pitch for tune in tunes for n in tune.melody.notes) < 55
    assert len({heading(tune.tokens) for tune in tunes}) > 20


def test_key_and_octave_are_drawn_as_the_model_weighs_them():
    leaning = leaning_to(INTERVAL, "key_minor 9", "octave 6")  # octave 6 of the tonic A: A4, an octave below the A5
    for tune in compose(leaning, INTERVAL, GenerateOptions(bars=3), 1, range(20), HIGH):
        assert heading(tune.tokens) == ("key_minor 9", "octave 6")
        assert tune.melody.timeline.key == Key(0, 0, "minor")


def test_a_primer_that_names_its_key_keeps_it():
    leaning = leaning_to(INTERVAL, "key_minor 9", "octave 6")
    for tune in compose(leaning, INTERVAL, GenerateOptions(bars=3), 1, range(20), in_key(HIGH, 0)):
        assert heading(tune.tokens) == ("key_major 0", "octave 6")


def test_a_register_that_leaves_less_room_is_not_weighed():
    allowed = (np.arange(128) >= 60) & (np.arange(128) <= 84)
    network = Indifferent(INTERVAL)
    found, _ = openings_of(network, INTERVAL, GenerateOptions(), in_key(HIGH, 0), allowed)
    # C6 would leave F#5 to C6, C3 would want its lowest note below C4
    assert [heading(tokens)[1] for tokens in found] == ["octave 7", "octave 6"]
    nowhere, _ = openings_of(network, INTERVAL, GenerateOptions(), in_key(HIGH, 0), np.arange(128) > 115)
    assert [heading(tokens)[1] for tokens in nowhere] == [f"octave {n}" for n in range(8, 0, -1)]


@pytest.mark.parametrize(
    "options", [{"inputs": ("key", "bar_ago"), "memory": ("own", "corpus")}, {"relative_to": "previous"}]
)
def test_a_heading_weighs_what_a_player_says_of_its_tokens(options, make_network):
    encoding = make_encoding("interval", **options)
    alphabet = Alphabet.of(encoding)
    network = make_network(
        alphabet.size,
        second=alphabet.parts[1],
        side=alphabet.features,
        memory=alphabet.memory,
        scale=0.4,
        dtype=np.float64,
    )
    found, costs = openings_of(network, encoding, GenerateOptions(), HIGH, ANYWHERE)
    assert len(found) == (84 if encoding.pitch_row.is_chained else len(costs)) >= 84  # seven modes
    for tokens, nats in zip(found[::7], costs[::7], strict=True):
        player, expected = Player(network, encoding), 0.0
        for token in tokens:
            expected += np.log(player.ask()[token])
            player.feed(int(token))
        assert nats == pytest.approx(expected)
        assert encoding.pitches(tokens).tolist() == [84, 83, 81]


def test_one_way_to_begin_costs_nothing():
    network = Indifferent(Grid())
    found, _ = openings_of(network, Grid(), GenerateOptions(), HIGH, ANYWHERE)
    assert found.tolist() == [[133, 149, 84, 128, 128, 128, 83, 128, 128, 128, 81, 128, 128, 128]]
    assert network.started == []


def test_no_temperature_begins_with_the_likeliest():
    likely = leaning_to(INTERVAL, "octave 5")
    options = GenerateOptions(bars=2, temperature=0)
    tunes = [compose(likely, INTERVAL, options, seed, [seed], HIGH)[0] for seed in range(6)]
    assert len({tuple(tune.tokens) for tune in tunes}) == 1
    assert heading(tunes[0].tokens)[1] == "octave 5"


def test_the_mode_asked_for_is_weighed_alone_and_one_that_the_primer_says_is_not_drawn_anew():
    options = GenerateOptions(bars=2, key="Am")
    for tune in compose(Indifferent(INTERVAL), INTERVAL, options, 1, range(12), HIGH, (46, 88)):
        assert tune.melody.timeline.key == Key(0, 0, "minor")
    network = Indifferent(INTERVAL)
    tunes = compose(network, INTERVAL, options, 1, range(12), in_key(HIGH, 0), (46, 88))
    assert {tune.melody.timeline.key for tune in tunes} == {Key(0, 0, "major")}
    assert network.started.count(12) == 1


def test_with_a_range_the_header_names_the_key_asked_for_and_the_primer_stays_where_it_is():
    options = GenerateOptions(bars=3, key="D", lowest=60, highest=84)
    for tune in compose(Indifferent(INTERVAL), INTERVAL, options, 1, range(12), HIGH):
        assert heading(tune.tokens)[0] == "key_major 2"
        assert [n.pitch for n in tune.melody.notes[:3]] == [84, 83, 81]
        assert {n.pitch for n in tune.melody.notes} <= set(range(60, 85))
    for tune in compose(Indifferent(INTERVAL), INTERVAL, options, 1, range(12), in_key(HIGH, 0)):
        later = {n.pitch % 12 for n in tune.melody.notes[3:]}
        assert later <= {2, 4, 6, 7, 9, 11, 1}  # its header says C: the scale of D is locked


def test_in_a_narrow_range_the_octave_is_one_that_reaches_all_of_it():
    options = GenerateOptions(bars=4, key="Bb", scale_lock=True, lowest=60, highest=69)
    wayward = leaning_to(INTERVAL, "octave 6")  # Bb4, 70: its tunes reach down to 64 alone
    tunes = compose(wayward, INTERVAL, options, 1, range(40))
    assert {heading(tune.tokens) for tune in tunes} == {("key_major 10", "octave 5")}
    assert {n.pitch for tune in tunes for n in tune.melody.notes} == {60, 62, 63, 65, 67, 69}

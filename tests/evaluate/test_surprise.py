"""What each note costs: by hand on a network of known chances; all notes together cost what the melody does."""

import math

import numpy as np
import pytest
from networks import Indifferent

from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.evaluate.surprise import NOTE_COSTS, note_costs
from ritornello.model.lstm import NumpyLstm
from ritornello.music.values import Key, Melody, Metre, Note, Timeline

REST = Melody(
    (Note(480, 480, 60), Note(960, 1440, 67), Note(2880, 240, 64), Note(3120, 240, 60), Note(3840, 1920, 48)),
    Timeline(480, 5760, (Metre(0, 4, 4),), (Key(0, 0),)),
)
PICKUP = Melody(
    tuple(Note(480 * n, 480, pitch) for n, pitch in enumerate((55, 60, 62, 64, 60, 67, 67))),
    Timeline(480, 3360, (Metre(0, 3, 4), Metre(480, 3, 4)), (Key(0, 0),)),
)
CHANGING = Melody(
    tuple(Note(480 * n, 480, 60 + n % 5) for n in range(14)),
    Timeline(480, 6720, (Metre(0, 4, 4), Metre(1920, 3, 4), Metre(4800, 4, 4))),
)
ENCODINGS = [
    Grid(), Grid(plain=True), Grid(12), make_encoding("lookback"), make_encoding("note"), make_encoding("interval"),
    make_encoding("interval", inputs=("position", "key", "bar_ago"), memory=("own", "corpus")),
]  # fmt: skip


def network_for(encoding, make_network) -> NumpyLstm:
    """A network of random weights for an encoding, its features and copy gates included."""
    second = encoding.parts[1] if len(encoding.parts) > 1 else 0
    from ritornello.model.alphabet import Alphabet

    side = Alphabet.of(encoding).features
    return make_network(
        encoding.vocabulary.size, dtype=np.float64, second=second, side=side, memory=encoding.memory, scale=0.3
    )


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: f"{e.name}-{len(e.features)}-{e.ticks_per_quarter}")
def test_the_notes_of_a_melody_cost_together_what_the_melody_costs(make_network, encoding):
    network = network_for(encoding, make_network)
    melodies = [encoding.encode(m).tokens for m in (REST, PICKUP, CHANGING)]
    tables = note_costs(network, encoding, melodies)
    for tokens, table in zip(melodies, tables, strict=True):
        assert table.dtype == NOTE_COSTS
        nats = melody_nats(network, [tokens], encoding)[0]
        assert table["bits"].sum() * math.log(2) == pytest.approx(nats, rel=1e-9)
        parts = table["pitch_bits"] + table["duration_bits"] + table["other_bits"]
        np.testing.assert_allclose(parts, table["bits"])
        assert (table["pitch_bits"] >= 0).all()
        assert table["pitch"].tolist() == encoding.pitches(tokens).tolist()
        assert (table["pitch_rank"] >= 1).all()
        assert (table["pitch_rank"] <= 128).all()
        assert (table["pitch_entropy"] <= 7).all()


@pytest.mark.parametrize("encoding", [Grid(), make_encoding("interval")], ids=["grid", "interval"])
def test_costs_do_not_depend_on_what_is_scored_beside_a_melody(make_network, monkeypatch, encoding):
    network = network_for(encoding, make_network)
    melodies = [encoding.encode(m).tokens for m in (REST, PICKUP, CHANGING, REST)]
    together = note_costs(network, encoding, melodies)
    monkeypatch.setattr("ritornello.model.scoring.MOST_MELODIES", 1)
    for tokens, table in zip(melodies, together, strict=True):
        (alone,) = note_costs(network, encoding, [tokens])
        for name in NOTE_COSTS.names:
            np.testing.assert_allclose(alone[name], table[name], rtol=1e-9, atol=1e-12)


def test_by_hand_on_the_plain_grid():
    """60 held for two steps, silence for two, then 62 held for two and 64 at once, of two steps."""
    grid = Grid(plain=True)
    tokens = np.array([60, 128, 129, 128, 62, 128, 64, 128])
    # no_event weighs 8, note_off 4, pitch 60 weighs 4 and each other pitch 1: 143 in all, 131 of them notes
    network = Indifferent(grid, {128: math.log(8), 129: math.log(4), 60: math.log(4)})
    (table,) = note_costs(network, grid, [tokens])
    held, off, begins = math.log2(143 / 8), math.log2(143 / 4), math.log2(143 / 131)
    np.testing.assert_allclose(table["pitch_bits"], [math.log2(131 / 4), math.log2(131), math.log2(131)], rtol=1e-6)
    # the first ends with its note_off, the second because the third begins
    np.testing.assert_allclose(table["duration_bits"], [held + off, held + begins, held], rtol=1e-6)
    # before the first a note begins; before the second there is a step of silence, and a note begins
    np.testing.assert_allclose(table["other_bits"], [begins, held + begins, 0], rtol=1e-6, atol=1e-9)
    assert table["pitch_rank"].tolist() == [1, 2, 2]
    entropy = 4 / 131 * math.log2(131 / 4) + 127 / 131 * math.log2(131)
    np.testing.assert_allclose(table["pitch_entropy"], [entropy] * 3, rtol=1e-6)
    assert np.isnan(table["duration_entropy"]).all()
    assert table["duration_rank"].tolist() == [0, 0, 0]
    assert table[["start", "duration", "pitch"]].tolist() == [(0, 0.5, 60), (1, 0.5, 62), (1.5, 0.5, 64)]


def test_by_hand_where_a_note_is_a_pitch_and_a_duration():
    """Every id of a part is as likely as every other of it; the first note lasts longer than one duration can say."""
    encoding = make_encoding("note", inputs=())
    melody = Melody((Note(0, 480 * 5, 60), Note(480 * 6, 480, 62)), Timeline(480, 480 * 8, (Metre(0, 4, 4),)))
    tokens = encoding.encode(melody).tokens
    kinds = [encoding.vocabulary.name_of(int(token)) for token in tokens]
    (table,) = note_costs(Indifferent(encoding), encoding, [tokens])
    event, duration = (math.log2(size) for size in encoding.parts)
    pitches = encoding.ids.rest  # ids that begin a note; of 0-127 all may be said
    assert table["pitch_bits"].tolist() == pytest.approx([math.log2(pitches)] * 2)
    ties = kinds.count("tie")
    held = duration + ties * (event + duration)
    assert table["duration_bits"].tolist() == pytest.approx([held, duration])
    rest = [i for i, kind in enumerate(kinds) if kind.startswith("rest")]
    assert len(rest) == 1
    header = kinds.index(next(k for n, k in enumerate(kinds) if tokens[n] < pitches))
    before = sum(event if n % 2 == 0 else duration for n in range(header))
    comes = event - math.log2(pitches)
    assert table["other_bits"].tolist() == pytest.approx([before + comes, event + duration + comes + event])
    assert table["duration_entropy"].tolist() == pytest.approx([duration] * 2)
    assert table["duration_rank"].tolist() == [1, 1]


def test_a_melody_without_notes_is_refused(make_network):
    with pytest.raises(ValueError, match="no note to score"):
        note_costs(make_network(130), Grid(plain=True), [np.array([128, 128])])


def test_letters_are_no_notes_and_that_is_said():
    text = make_encoding("text")
    with pytest.raises(ValueError, match="'text' tells no note from its length"):
        note_costs(Indifferent(text), text, [text.encode(Melody((Note(0, 480, 60),))).tokens])

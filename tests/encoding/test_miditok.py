"""MidiTok's tokenisers: what comes back, what is lost, what is refused, and tunes composed without form."""

import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import exact, legal_of, walked

import ritornello
from ritornello.corpus.embedded import embedded
from ritornello.corpus.tokens import losses_in_words, possible_shifts
from ritornello.encoding import counts_bars, encoding_from_dict, make_encoding
from ritornello.encoding.features import feature_rows
from ritornello.encoding.options import EncodingOptions
from ritornello.generate.compose import compose, note_bits
from ritornello.generate.constraints import MOST_TOKENS
from ritornello.generate.options import GenerateOptions
from ritornello.generate.primer import parse_notes
from ritornello.model.file import ModelFile, load_model, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.training.data import Streams

miditok = pytest.importorskip("miditok")

TOKENIZERS = ("REMI", "TSD", "MIDILike", "Structured")
CONFIGS = [
    {},
    {"use_velocities": True, "num_velocities": 4},
    {"use_rests": True},
    {"beat_res": {"0_2": 4}, "use_time_signatures": False},
]


def tune(*notes: tuple[int, int, int], metre=(3, 4), pickup=0) -> Melody:
    """Notes of (start, duration, pitch) at 480 ticks per quarter."""
    metres = (Metre(0, *metre), *([Metre(pickup, *metre)] if pickup else []))
    return Melody(tuple(Note(*n) for n in notes), Timeline(480, 0, metres))


TUNE = tune((0, 480, 60), (480, 160, 62), (640, 160, 64), (800, 160, 65), (960, 960, 67), (2880, 240, 72))


@pytest.fixture
def network(make_network):
    """Return a network of random weights for an encoding; scale: how far from uniform it is."""
    return lambda encoding, scale=0.2: make_network(encoding.vocabulary.size, scale=scale, seed=2, dtype=np.float64)


def test_remi_is_framed_by_its_metre_and_an_end():
    encoding = make_encoding("miditok")
    encoded = encoding.encode(TUNE)
    assert encoding.vocabulary.spell(encoded.tokens) == (
        "metre_3 | over_4 | Bar_None | TimeSig_3/4 | Position_0 | "
        "Pitch_60 | Duration_1.0.24 | Position_24 | Pitch_62 | "
        "Duration_0.8.24 | Position_32 | Pitch_64 | Duration_0.8.24 | Position_40 | Pitch_65 | Duration_0.8.24 | "
        "Position_48 | Pitch_67 | Duration_2.0.24 | Bar_None | TimeSig_3/4 | Bar_None | TimeSig_3/4 | Position_0 | "
        "Pitch_72 | Duration_0.12.24 | end"
    )
    assert encoded.tokens.dtype == np.int16
    again = encoding.decode(encoded.tokens, "a title", 90)
    assert (again.title, again.timeline.qpm) == ("a title", 90)
    assert encoding.onsets(encoded.tokens).tolist() == [5, 8, 11, 14, 17, 24]
    assert encoding.parts == (encoding.vocabulary.size,)
    assert feature_rows(encoding, encoded.tokens).shape == (len(encoded.tokens), 0)


def test_the_tokenisers_ids_come_first_and_keep_their_numbers():
    config = miditok.TokenizerConfig(use_velocities=False, special_tokens=["PAD"], use_pitchdrum_tokens=False)
    theirs = miditok.TSD(config).vocab
    encoding = make_encoding(
        "miditok", tokenizer="TSD", config={"beat_res": {"0_4": 8, "4_12": 4}, "pitch_range": [21, 109]}
    )
    rows = encoding.vocabulary.rows
    for name, place in theirs.items():
        if not name.startswith("TimeSig"):  # theirs has others by default
            assert rows[place].name == name
    # 16 upper figures and "other", five lower ones, and the end
    assert [rows[n].name for n in (0, -23, -21, -6, -1)] == ["PAD_None", "metre_1", "metre_3", "over_1", "end"]
    assert sum(row.name.startswith("TimeSig") for row in rows) == 16 * 5


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_plain_tune_comes_back_from_every_tokeniser(name):
    encoding = make_encoding("miditok", tokenizer=name)
    encoded = encoding.encode(TUNE)
    assert exact(encoding.decode(encoded.tokens)) == exact(TUNE)
    assert not +encoded.losses
    assert encoding.decode(encoded.tokens).timeline.metre.name == "3/4"
    assert encoding.pitches(encoded.tokens).tolist() == [60, 62, 64, 65, 67, 72]
    lower = encoding.transpose(encoded.tokens, -3)
    assert lower.dtype == np.int16
    assert encoding.decode(lower).notes == encoding.decode(encoded.tokens).transposed(-3).notes


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("config", CONFIGS[:3])
def test_real_tunes_come_back_but_for_what_is_counted(name, config):
    encoding, notes, losses = make_encoding("miditok", tokenizer=name, config=config), 0, 0
    for melody in list(embedded().melodies())[::100]:
        encoded = encoding.encode(melody)
        tracker = encoding.tracker()
        for token in encoded.tokens.astype(np.int64):
            assert legal_of(encoding, tracker)[token], melody.source
            tracker.advance(int(token))
        assert tracker.done
        assert len(encoding.onsets(encoded.tokens)) == len(melody.notes)
        lost = sum(count for loss, count in encoded.losses.items() if loss != "metres")
        assert name == "Structured" or not encoded.losses["metres"], melody.source  # alone without time signatures
        assert lost or exact(encoding.decode(encoded.tokens)) == from_a_barline(melody), melody.source
        notes, losses = notes + len(melody.notes), losses + lost
    assert losses < notes / 1000


def from_a_barline(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note; the bar of a pick-up is counted from its beginning."""
    timeline = melody.timeline
    bar = Fraction(4 * timeline.metre.numerator, timeline.metre.denominator)
    rest = bar - Fraction(timeline.pickup, timeline.ticks_per_quarter) if timeline.pickup else 0
    return [(rest + start, duration, pitch) for start, duration, pitch in exact(melody)]


def test_a_pickup_is_written_from_its_barline_on():
    encoding = make_encoding("miditok")
    encoded = encoding.encode(tune((0, 480, 67), (480, 480, 72), metre=(3, 4), pickup=480))
    assert not +encoded.losses
    assert exact(encoding.decode(encoded.tokens))[0][0] == 2
    assert "TimeSig_3/4 | Position_48 | Pitch_67" in encoding.vocabulary.spell(encoded.tokens)


def test_a_pickup_has_its_place_where_a_bar_is_no_whole_number_of_ticks():
    timeline = Timeline(1, 3, (Metre(0, 3, 8), Metre(1, 3, 8)))  # a bar is one and a half of its ticks
    encoding, melody = make_encoding("miditok"), Melody((Note(0, 1, 67), Note(1, 2, 60)), timeline)
    encoded = encoding.encode(melody)
    assert not +encoded.losses
    assert exact(encoding.decode(encoded.tokens)) == [(Fraction(1, 2), 1, 67), (Fraction(3, 2), 2, 60)]


@pytest.mark.parametrize(
    "metre",
    ["2/4", "3/4", "4/4", "2/2", "3/2", "4/2", "6/4", "9/4", "5/4", "3/8", "6/8", "12/8", "7/8", "11/16", "13/4"],
)
def test_every_metre_is_named_and_sixteenths_keep_their_places(metre):
    numerator, denominator = (int(n) for n in metre.split("/"))
    melody = tune(*((120 * n, 120, 48 + n) for n in range(40)), metre=(numerator, denominator))
    encoding = make_encoding("miditok")
    encoded = encoding.encode(melody)
    assert tuple(encoded.tokens[:2]) == encoding.begin(metre)
    assert encoding.metre_of(encoded.tokens) == (numerator, denominator)
    assert exact(encoding.decode(encoded.tokens)) == exact(melody)
    assert not +encoded.losses


# Two bars of 4/4, one of 7/8, two of 3/4: 8, 3.5 and 6 quarters.
ROW = tuple(Note(480 * n, 480, 60 + n) for n in range(8))
CHANGING = Melody(
    (*ROW, Note(3840, 1680, 70), Note(5520, 1440, 71), Note(6960, 480, 72)),
    Timeline(480, 8400, (Metre(0, 4, 4), Metre(3840, 7, 8), Metre(5520, 3, 4))),
)


@pytest.mark.parametrize("name", ["REMI", "TSD", "MIDILike"])
def test_metres_that_begin_on_a_barline_are_the_tokenisers_own(name):
    encoding = make_encoding("miditok", tokenizer=name)
    encoded = encoding.encode(CHANGING)
    named = [word for word in encoding.vocabulary.spell(encoded.tokens).split(" | ") if word.startswith("TimeSig")]
    assert list(dict.fromkeys(named)) == ["TimeSig_4/4", "TimeSig_7/8", "TimeSig_3/4"]
    assert not +encoded.losses
    again = encoding.decode(encoded.tokens)
    assert exact(again) == exact(CHANGING)
    quarter = again.timeline.ticks_per_quarter
    expected = [(0, 4, 4), (8, 7, 8), (Fraction(23, 2), 3, 4)]
    assert [(Fraction(m.tick, quarter), *m[1:3]) for m in again.timeline.metres] == expected


@pytest.mark.parametrize(
    ("options", "metres", "lost"),
    [
        ({"tokenizer": "Structured"}, CHANGING.timeline.metres, 2),
        ({"config": {"use_time_signatures": False}}, CHANGING.timeline.metres, 2),
        ({"version": 1}, CHANGING.timeline.metres, 2),
        ({}, (Metre(0, 4, 4), Metre(3840, 17, 8)), 1),
        ({}, (Metre(0, 4, 4), Metre(2880, 3, 4)), 1),  # within a bar
        ({}, (Metre(0, 4, 4), Metre(2880, 4, 4)), 1),
        (
            {"config": {"time_signature_range": {"4": [3, 4]}}},
            CHANGING.timeline.metres,
            2,
        ),  # 3/4 then begins in a bar
        ({}, (Metre(0, 4, 4), Metre(1920, 4, 4)), 0),  # goes on
    ],
)
def test_metres_that_it_does_not_name_are_counted_and_cost_no_note(options, metres, lost):
    melody = Melody(CHANGING.notes, Timeline(480, 8400, metres))
    encoding = make_encoding("miditok", **options)
    encoded = encoding.encode(melody)
    assert +encoded.losses == (Counter(metres=lost) if lost else Counter())
    again = encoding.decode(encoded.tokens)
    assert exact(again) == exact(melody)
    assert [m.name for m in again.timeline.metres] == ["4/4"]


def test_models_of_version_1_keep_their_alphabet():
    encoding = encoding_from_dict({"name": "miditok", "tokenizer": "TSD", "config": {}})
    names = [row.name for row in encoding.vocabulary.rows]
    assert names[-15:-12] == ["begin_2/4", "begin_3/4", "begin_4/4"]
    assert sum(name.startswith("TimeSig") for name in names) == 13
    assert "version" not in encoding.to_dict()
    assert encoding.vocabulary.spell(encoding.encode(TUNE).tokens[:2]) == "begin_3/4 | TimeSig_3/4"


def test_what_does_not_fit_is_counted():
    encoding = make_encoding("miditok")
    melody = tune((0, 480, 60), (485, 475, 62), (960, 14 * 480, 64), (960 + 14 * 480, 480, 65), metre=(4, 4))
    assert dict(+encoding.encode(melody).losses) == {"moved": 1, "resized": 2}  # 14 quarters become 12: the longest
    collide = tune((0, 5, 60), (5, 475, 62), (480, 480, 64))
    assert dict(+encoding.encode(collide).losses) == {"lost": 1, "resized": 1}
    narrow = make_encoding("miditok", config={"pitch_range": [61, 80]})
    assert dict(+narrow.encode(tune((0, 480, 60), (480, 480, 62), (960, 480, 60))).losses) == {"lost": 2}
    other = encoding.encode(tune((0, 480, 60), metre=(17, 8)))
    assert encoding.vocabulary.spell(other.tokens[:2]) == "metre_other | over_4"
    assert dict(+other.losses) == {"metres": 1}
    assert encoding.metre_of(other.tokens) == (4, 4)


def test_notes_out_of_the_tokenisers_range_are_reported_with_it():
    encoding = make_encoding("miditok", config={"pitch_range": [60, 72]})
    losses = Counter(notes=3) + encoding.encode(tune((0, 480, 59), (480, 480, 72), (960, 480, 60))).losses
    assert losses_in_words(losses, encoding).endswith(", pitches 60 to 72) does not keep all of 3 notes: 1 lost")


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tune_moves_only_to_where_the_tokeniser_has_pitches(name):
    encoding = make_encoding("miditok", tokenizer=name, config={"pitch_range": [60, 72]})
    assert encoding.pitch_range == (60, 72)
    tokens = encoding.encode(tune((0, 480, 62), (480, 480, 70))).tokens
    assert possible_shifts(encoding, tokens, 0, 127) == [-2, -1, 0, 1, 2]
    for semitones in (-3, 3, 60):
        with pytest.raises(ValueError, match=f"{semitones} semitones take a pitch out of"):
            encoding.transpose(tokens, semitones)
    streams = Streams([tokens], encoding, 2, 1)
    for _ in range(20):
        assert streams.chunk(16).targets.max() <= encoding.end


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=10)
@given(seed=st.integers(0, 1 << 30))
def test_whatever_is_legal_can_be_read(name, config, seed):
    encoding = make_encoding("miditok", tokenizer=name, config=config)
    tokens, tracker = walked(encoding, seed, 60)
    melody = encoding.decode(tokens)
    assert len(melody.notes) <= len(encoding.onsets(np.array(tokens)))
    assert tracker.begun
    assert (tokens[-1] == encoding.end) == tracker.done == (not tracker.legal().any())
    assert encoding.decode(encoding.encode(melody).tokens).timeline.metre == melody.timeline.metre


def test_a_metre_comes_first_and_an_end_after_a_note():
    encoding = make_encoding("miditok", config={"time_signature_range": {"4": [3, 4]}})
    name_of, tracker = encoding.vocabulary.name_of, encoding.tracker()
    assert [name_of(n) for n in np.flatnonzero(tracker.legal())] == ["metre_3", "metre_4", "metre_other"]
    first, second = encoding.begin("3/4")
    tracker.advance(first)
    assert [name_of(n) for n in np.flatnonzero(tracker.legal())] == ["over_4"]
    tracker.advance(second)
    own = encoding.vocabulary["metre_1"] - 1  # but for PAD
    assert tracker.legal().sum() == own
    assert not tracker.legal()[encoding.vocabulary["PAD_None"]]
    before = tracker.copy()
    tracker.advance(encoding.vocabulary["Pitch_60"])
    before.advance(encoding.vocabulary["Bar_None"])
    assert (before.legal()[encoding.end], tracker.legal()[encoding.end]) == (False, True)
    tracker.advance(encoding.end)
    assert tracker.done
    assert not tracker.legal().any()
    with pytest.raises(ValueError, match=r"miditok's REMI as configured has no 6/8; it has 3/4, 4/4"):
        encoding.begin("6/8")


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tunes_are_composed_alone_and_in_a_batch_alike_and_end_by_themselves_or_at_a_limit(name, network):
    encoding = make_encoding("miditok", tokenizer=name, config={"beat_res": {"0_2": 2}})
    assert not counts_bars(encoding)
    net, options = network(encoding), GenerateOptions(metre="3/4", key="D", top_p=1.0)
    together = compose(net, encoding, options, 1, range(6))
    alone = [compose(net, encoding, options, 1, [n])[0] for n in range(6)]
    assert [t.tokens.tolist() for t in together] == [t.tokens.tolist() for t in alone]
    for made in together:
        assert tuple(made.tokens[:2]) == encoding.begin("3/4")
        assert made.tokens[-1] == encoding.end or len(made.tokens) == MOST_TOKENS
        assert made.melody.timeline.metre.name == "3/4"
        if made.melody.notes:
            assert made.melody.timeline.key.fifths == 2
    assert any(made.tokens[-1] == encoding.end for made in together)
    never = compose(net, encoding, GenerateOptions(temperature=0), 1, [0])[0]
    assert len(never.tokens) <= MOST_TOKENS


def test_a_tune_goes_on_from_a_primer(network):
    encoding = make_encoding("miditok", tokenizer="TSD")
    primer = parse_notes("G4:1/2 A4:1/2 r:1/2 B4:3/2")
    for made in compose(network(encoding), encoding, GenerateOptions(), 1, range(4), primer):
        assert exact(made.melody)[:2] == exact(primer)[:2]
        assert exact(made.melody)[2][0] == Fraction(3, 2)


def test_surprise_is_left_open_where_a_token_starts_no_note():
    encoding = make_encoding("miditok", tokenizer="TSD")
    tokens = encoding.encode(parse_notes("G4 A4 B4")).tokens.astype(np.int64)
    bits = np.arange(len(tokens), dtype=float)
    assert note_bits(encoding, tokens, bits).tolist() == encoding.onsets(tokens).tolist()
    first, second, _ = encoding.onsets(tokens)
    assert len(note_bits(encoding, np.delete(tokens, first + 1), bits[1:])) == 0  # a pitch without a duration
    together = np.delete(tokens, slice(second - 1, second))  # two notes at one time
    assert len(note_bits(encoding, together, bits[1:])) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bars": 4}, "a number of bars"),
        ({"lowest": 60}, "a range"),
        ({"scale_lock": True, "bars": 4}, "a number of bars and a locked scale"),
    ],
)
def test_what_needs_form_is_refused_in_a_line_that_names_it(network, options, words):
    encoding = make_encoding("miditok")
    with pytest.raises(ValueError, match=f"'miditok' composes without form, .*: leave out what asks for {words}$"):
        compose(network(encoding), encoding, GenerateOptions(**options), 1, [0])


def test_a_model_is_saved_scored_and_composes_on_the_command_line(command, make_tensors, tiny_corpus, tmp_path):
    encoding = make_encoding("miditok", config={"beat_res": {"0_2": 2}})
    tensors = make_tensors(encoding.vocabulary.size, scale=0.2)
    path = tmp_path / "model.safetensors"
    save_model(path, ModelFile(tensors, NetworkOptions(2, 16, 16, chain=12), encoding, {}))
    assert load_model(path).encoding == encoding
    assert command("generate", path, "--seed", 1, "-n", 3, "-o", tmp_path / "tunes").status == 0
    assert len(list((tmp_path / "tunes").glob("*.mid"))) == 3
    for tune in ritornello.load_model(path).generate(n=3, seed=1):
        assert "<iframe" in tune._repr_html_()
        tune.save(tmp_path / "tune.html", replace=True)
    assert 0 < ritornello.load_model(path).evaluate(tiny_corpus)["bits_per_note"] < 100
    refused = command("generate", path, "--bars", 4, "-o", tmp_path / "none")
    assert refused.status != 0
    assert "leave out what asks for a number of bars" in refused.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(
            ({"tokenizer": name}, f"no such tokenizer here: '{name}'; there are REMI, TSD, MIDILike, Structured$")
            for name in ("Remy", "CPWord", "Octuple", "MMM", "PerTok", "BEAT")
        ),
        ({"config": {"use_programs": True}}, "REMI as configured writes Program"),
        ({"config": {"use_pitch_intervals": True}}, "writes PitchInterval"),
        ({"config": {"pitch_range": [0, 300]}}, "REMI does not take this config: .*pitch_range"),
        ({"config": {"beat_res": {"four": 4}}}, "REMI does not take this config"),
        ({"config": {"pitch_range": [60]}}, "REMI does not take this config"),
        ({"config": {"foo": 1, "bar": 2}}, "REMI does not take this config: there is no bar, foo; see Tok"),
        ({"config": {"max_duration": [4, 0, 24]}}, "REMI does not take this config: there is no max_duration"),
        (
            {"tokenizer": "TSD", "config": {"beat_res": {"0_1": 1}, "time_signature_range": {"2": [2], "4": [3]}}},
            "the config is too coarse for tunes in x/2: have 2 or more steps of a beat in beat_res, or leave 2 out",
        ),
        (
            {"steps_per_quarter": 4},
            "encoding 'miditok' has no option steps_per_quarter; it has tokenizer, config, version$",
        ),
        ({"inputs": ("position",)}, "encoding 'miditok' has no option inputs; it has tokenizer, config, version$"),
    ],
)
def test_what_is_not_offered_is_refused_in_one_line(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_encoding("miditok", **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_one_step_of_a_beat_is_enough_where_no_beat_is_longer_than_a_quarter(name):
    config = {"beat_res": {"0_4": 1}, "time_signature_range": {"4": [3, 4]}}
    encoding = make_encoding("miditok", tokenizer=name, config=config)
    melody = tune((0, 480, 60), (480, 960, 62))
    assert exact(encoding.decode(encoding.encode(melody).tokens)) == exact(melody)


def test_a_configuration_may_be_as_miditok_writes_it_to_a_file(tmp_path):
    path = tmp_path / "config.json"
    written = miditok.TokenizerConfig(num_velocities=4, use_pitchdrum_tokens=False, use_bar_end_tokens=True)
    written.save_to_json(path)
    encoding = EncodingOptions(f"miditok:REMI:{path}").build()
    assert "Bar_End" in encoding.vocabulary
    assert "Velocity_127" in encoding.vocabulary


def test_ids_outside_the_vocabulary_are_refused():
    encoding = make_encoding("miditok")
    with pytest.raises(ValueError, match=r"token 9999 is outside this vocabulary"):
        encoding.decode([9999])
    assert encoding.decode([]).notes == ()
    assert encoding.encode(tune()).tokens.tolist() == [*encoding.begin("3/4"), encoding.end]


def test_options_are_json_and_make_it_again():
    encoding = make_encoding("miditok", tokenizer="TSD", config={"use_velocities": True, "num_velocities": 8})
    again = make_encoding(**json.loads(json.dumps(encoding.to_dict())))
    assert again == encoding
    assert hash(again) == hash(encoding)
    assert "Velocity_127" in again.vocabulary


def test_it_is_asked_for_by_name_and_colon(tmp_path):
    assert EncodingOptions("miditok").build() == make_encoding("miditok")
    assert EncodingOptions("miditok:TSD").build() == make_encoding("miditok", tokenizer="TSD")
    path = tmp_path / "config.json"
    path.write_text('{"beat_res": {"0_8": 12}}')
    assert EncodingOptions(f"miditok:REMI:{path}").build() == make_encoding(
        "miditok", config={"beat_res": {"0_8": 12}}
    )
    path.write_text("[]")
    with pytest.raises(ValueError, match="a configuration for MidiTok is a JSON object, not list"):
        EncodingOptions(f"miditok:REMI:{path}").build()
    with pytest.raises(ValueError, match="no configuration for MidiTok in JSON can be read"):
        EncodingOptions(f"miditok:REMI:{tmp_path / 'none.json'}").build()
    with pytest.raises(ValueError, match="nothing may follow the name of the encoding 'grid'"):
        EncodingOptions("grid:12").build()


def test_it_is_imported_when_it_is_asked_for_and_without_miditok_one_line_says_how_to_install_it():
    program = (
        "import sys; sys.modules['miditok'] = None\n"
        "from ritornello.encoding import make_encoding\n"
        "make_encoding('grid')\n"
        "assert 'ritornello.encoding.miditok' not in sys.modules\n"
        "try: make_encoding('miditok')\n"
        "except ImportError as error: print(error)"
    )
    source = str(Path(ritornello.__file__).parents[1])
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=source, check=True)
    assert found.stdout == 'the encoding "miditok" needs MidiTok: pip install miditok\n'

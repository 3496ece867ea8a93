"""miditok: MidiTok's tokenisers behind the same face as the other encodings."""

import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import miditok
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import assert_a_batch_is_its_tunes, exact, walked

import ritornello
from ritornello.corpus.embedded import embedded
from ritornello.corpus.tokens import losses_in_words
from ritornello.encoding import MidiTokEncoding, composes, make_encoding
from ritornello.encoding.options import chosen_encoding
from ritornello.encoding.transposition import possible_shifts
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.training.data import Streams

QUARTER = 480
SEEDS = st.integers(0, 1 << 30)
TOKENIZERS = ("REMI", "TSD", "MIDILike", "Structured")
LOUD = {"use_velocities": True, "num_velocities": 4}
WAYS = {name: (name, {}) for name in TOKENIZERS}
WAYS |= {f"{name} with velocities": (name, LOUD) for name in TOKENIZERS}
WAYS |= {
    "TSD in halves of a beat, three at most": ("TSD", {"beat_res": {"0_3": 2}}),
    "MIDILike in halves of a beat, one at most": ("MIDILike", {"beat_res": {"0_1": 2}}),
    "TSD without metres": ("TSD", {"use_time_signatures": False}),
    "MIDILike without metres": ("MIDILike", {"beat_res": {"0_2": 4}, "use_time_signatures": False}),
}


def without_velocities(encoding, tokens) -> list[int]:
    return [int(t) for t in tokens if not encoding.vocabulary.name_of(int(t)).startswith("Velocity")]


def tune(*notes: tuple[int, int, int], metre=(3, 4), pickup=0) -> Melody:
    """Notes of (start, duration, pitch) at 480 ticks per quarter."""
    metres = (Metre(0, *metre), *([Metre(pickup, *metre)] if pickup else []))
    return Melody(tuple(Note(*n) for n in notes), Timeline(QUARTER, 0, metres))


TUNE = tune((0, 480, 60), (480, 160, 62), (640, 160, 64), (800, 160, 65), (960, 960, 67), (2880, 240, 72))


def test_remi_is_framed_by_its_metre_and_an_end():
    encoding = make_encoding("miditok")
    encoded = encoding.encode(TUNE)
    assert encoding.vocabulary.spell(encoded.tokens) == (
        "begin_3/4 | Bar_None | TimeSig_3/4 | Position_0 | Pitch_60 | Duration_1.0.24 | Position_24 | Pitch_62 | "
        "Duration_0.8.24 | Position_32 | Pitch_64 | Duration_0.8.24 | Position_40 | Pitch_65 | Duration_0.8.24 | "
        "Position_48 | Pitch_67 | Duration_2.0.24 | Bar_None | TimeSig_3/4 | Bar_None | TimeSig_3/4 | Position_0 | "
        "Pitch_72 | Duration_0.12.24 | end"
    )
    assert encoded.tokens.dtype == np.int16
    assert not +encoded.losses
    again = encoding.decode(encoded.tokens, "a title", 90)
    assert exact(again) == exact(TUNE)
    assert (again.title, again.timeline.qpm, again.timeline.metre.name) == ("a title", 90, "3/4")
    assert encoding.pitches(encoded.tokens).tolist() == [60, 62, 64, 65, 67, 72]
    assert encoding.onsets(encoded.tokens).tolist() == [4, 7, 10, 13, 16, 23]
    assert encoding.tracker(1).table.vocabulary.size == sum(encoding.parts)


def test_the_tokenisers_ids_come_first_and_keep_their_numbers():
    config = miditok.TokenizerConfig(use_velocities=False, special_tokens=["PAD"], use_pitchdrum_tokens=False)
    theirs = miditok.TSD(config).vocab
    encoding = MidiTokEncoding("TSD", {"beat_res": {"0_4": 8, "4_12": 4}, "pitch_range": [21, 109]})
    rows = encoding.vocabulary.rows
    of_metre = [row for row in rows if row.name.startswith("TimeSig")]  # theirs has others by default
    for name, place in theirs.items():
        if not name.startswith("TimeSig"):
            assert rows[place].name == name
    assert rows[-1].name == "end"
    assert [row.name for row in rows[-15:-1]][:2] == ["begin_2/4", "begin_3/4"]
    assert len(of_metre) == 13


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_plain_tune_comes_back_from_every_tokeniser(name):
    encoding = make_encoding("miditok", tokenizer=name)
    encoded = encoding.encode(TUNE)
    assert exact(encoding.decode(encoded.tokens)) == exact(TUNE)
    assert not +encoded.losses
    assert encoding.decode(encoded.tokens).timeline.metre.name == "3/4"
    assert encoding.pitches(encoded.tokens).tolist() == [60, 62, 64, 65, 67, 72]
    assert (
        encoding.decode(encoding.transpose(encoded.tokens, -3)).notes
        == encoding.decode(encoded.tokens).transposed(-3).notes
    )


def test_a_pickup_is_written_from_its_barline_on():
    encoding = make_encoding("miditok")
    encoded = encoding.encode(tune((0, 480, 67), (480, 480, 72), metre=(3, 4), pickup=480))
    assert not +encoded.losses
    assert exact(encoding.decode(encoded.tokens))[0][0] == 2
    assert "TimeSig_3/4 | Position_48 | Pitch_67" in encoding.vocabulary.spell(encoded.tokens)


@pytest.mark.parametrize(
    "metre", ["2/4", "3/4", "4/4", "2/2", "3/2", "4/2", "6/4", "9/4", "5/4", "3/8", "6/8", "12/8"]
)
def test_every_metre_is_told_and_sixteenths_keep_their_places(metre):
    numerator, denominator = (int(n) for n in metre.split("/"))
    melody = tune(*((120 * n, 120, 48 + n) for n in range(40)), metre=(numerator, denominator))
    encoding = make_encoding("miditok")
    encoded = encoding.encode(melody)
    assert encoded.tokens[0] == encoding.begin(metre)
    assert encoding.metre_of(encoded.tokens) == (numerator, denominator)
    assert exact(encoding.decode(encoded.tokens)) == exact(melody)
    assert not +encoded.losses


def test_what_does_not_fit_is_counted():
    encoding = make_encoding("miditok")
    melody = tune((0, 480, 60), (485, 475, 62), (960, 14 * 480, 64), (960 + 14 * 480, 480, 65), metre=(4, 4))
    encoded = encoding.encode(melody)
    assert dict(+encoded.losses) == {"moved": 1, "resized": 2}  # 14 quarters become 12: the longest
    narrow = make_encoding("miditok", config={"pitch_range": [61, 80]})
    assert dict(+narrow.encode(tune((0, 480, 60), (480, 480, 62), (960, 480, 60))).losses) == {"lost": 2}
    other = encoding.encode(tune((0, 480, 60), metre=(7, 8)))
    assert encoding.vocabulary.name_of(int(other.tokens[0])) == "begin_other"
    assert encoding.metre_of(other.tokens) == (4, 4)


def test_a_pitch_out_of_range_is_not_transposed_to():
    encoding = make_encoding("miditok")
    with pytest.raises(ValueError, match="60 semitones take a pitch out of"):
        encoding.transpose(encoding.encode(TUNE).tokens, 60)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=20)
@given(seed=SEEDS)
def test_a_legal_tune_is_the_one_spelling_of_its_melody(way, seed):
    encoding = MidiTokEncoding(*WAYS[way])
    tokens, tracker = walked(encoding, seed, 80)
    if not tracker.done[0]:
        return
    melody = encoding.decode(tokens)
    again = encoding.encode(melody)
    assert not +again.losses
    assert exact(encoding.decode(again.tokens)) == exact(melody)
    assert without_velocities(encoding, again.tokens[1:]) == without_velocities(encoding, tokens[1:])
    per = melody.timeline.ticks_per_quarter
    assert len(melody.notes) == tracker.notes[0] == len(encoding.onsets(tokens))
    assert [n.pitch for n in melody.notes] == encoding.pitches(tokens).tolist()
    assert tracker.opening[0] * per == melody.notes[0].start * encoding.ticks_per_quarter
    assert tracker.onset[0] * per == melody.notes[-1].start * encoding.ticks_per_quarter
    assert tracker.time[0] * per == melody.notes[-1].end * encoding.ticks_per_quarter
    assert tracker.sounding[0] == melody.notes[-1].pitch


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=20)
@given(seed=SEEDS, bars=st.integers(1, 3))
def test_a_tune_that_stays_finishable_ends_well_formed(way, seed, bars):
    encoding = MidiTokEncoding(*WAYS[way])

    def end_of(tracker):
        opening = np.where(tracker.notes > 0, tracker.opening, tracker.time)
        return (bars + (2 * opening >= tracker.bar)) * tracker.bar

    def finishable(tracker):
        mask = tracker.finishable(end_of(tracker) - tracker.bar, end_of(tracker), tracker.beat)
        assert not (mask & ~tracker.legal()).any()
        assert mask.any() or tracker.done
        return mask

    tokens, tracker = walked(encoding, seed, 900, finishable)
    end, bar = int(end_of(tracker)[0]), int(tracker.bar[0])
    assert tracker.done[0]
    assert tracker.opening[0] < bar
    assert end - bar < tracker.time[0] <= end
    assert tracker.time[0] - tracker.onset[0] >= tracker.beat[0]
    notes = encoding.decode(tokens).notes
    assert len(notes) == tracker.notes[0]
    unit = encoding.ticks_per_quarter / encoding.decode(tokens).timeline.ticks_per_quarter
    for before, after in zip(notes, notes[1:]):
        assert after.start == before.end or before.end * unit < end - bar  # no silence begins in the last bar


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=6)
@given(seed=SEEDS)
def test_a_batch_is_so_many_tunes_of_their_own_and_rows_may_leave(way, seed):
    encoding = MidiTokEncoding(*WAYS[way])
    tunes = [walked(encoding, seed + n, 24)[0] for n in range(3)]
    assert_a_batch_is_its_tunes(encoding, tunes, ("legal", "pitches"))


@pytest.mark.parametrize("name", TOKENIZERS)
@given(seed=SEEDS)
@settings(max_examples=15)
def test_whatever_is_fed_the_tracker_goes_on(name, seed):
    encoding = make_encoding("miditok", tokenizer=name)
    tracker = encoding.tracker(2)
    for tokens in np.random.default_rng(seed).integers(0, encoding.vocabulary.size, (20, 2)):
        tracker.advance(tokens)
        assert tracker.legal().shape == (2, encoding.vocabulary.size)
        assert tracker.side().shape == (2, 0)


def test_a_note_counts_once_its_length_is_told():
    encoding = make_encoding("miditok")
    tracker = encoding.tracker(1)
    for name in ("begin_3/4", "Bar_None", "TimeSig_3/4", "Position_24", "Pitch_60"):
        tracker.advance(np.array([encoding.vocabulary[name]]))
    assert (tracker.notes[0], tracker.sounding[0]) == (0, -1)
    assert tracker.time[0] == encoding.ticks_per_quarter
    tracker.advance(np.array([encoding.vocabulary["Duration_1.0.24"]]))
    assert (tracker.notes[0], tracker.sounding[0]) == (1, 60)
    assert tracker.onset[0] == tracker.opening[0] == encoding.ticks_per_quarter
    assert tracker.time[0] == 2 * encoding.ticks_per_quarter


@pytest.mark.parametrize("name", TOKENIZERS)
def test_what_a_tokeniser_writes_is_legal_in_real_tunes_and_comes_back(name):
    encoding, notes, losses = make_encoding("miditok", tokenizer=name), 0, 0
    for melody in list(embedded().melodies())[::100]:
        encoded = encoding.encode(melody)
        tracker, starts, ends = encoding.tracker(1), [], []
        for token in encoded.tokens.astype(np.int64):
            assert tracker.legal()[0, token], melody.source
            before = tracker.notes[0]
            tracker.advance(np.array([token]))
            if tracker.notes[0] > before:
                starts.append((Fraction(int(tracker.onset[0]), encoding.ticks_per_quarter), tracker.sounding[0]))
            if encoding.vocabulary.name_of(token).startswith(("Duration", "NoteOff")):
                ends.append(Fraction(int(tracker.time[0]), encoding.ticks_per_quarter))
        assert tracker.done[0]
        lost = sum(encoded.losses.values())
        from_barline = laid_from_a_barline(melody)
        assert lost or starts == [(start, pitch) for start, _, pitch in from_barline], melody.source
        assert lost or ends == [start + duration for start, duration, _ in from_barline], melody.source
        assert lost or exact(encoding.decode(encoded.tokens)) == from_barline, melody.source
        notes, losses = notes + len(melody.notes), losses + lost
    assert losses < notes / 1000


def laid_from_a_barline(melody: Melody) -> list[tuple[Fraction, Fraction, int]]:
    """Onset and duration in quarters, and pitch, of each note; the bar of a pick-up is counted from its beginning."""
    timeline = melody.timeline
    metre = timeline.metre
    bar = Fraction(4 * metre.numerator, metre.denominator)
    rest = bar - Fraction(timeline.pickup, timeline.ticks_per_quarter) if timeline.pickup else 0
    return [(rest + start, duration, pitch) for start, duration, pitch in exact(melody)]


def test_where_tokens_do_not_tell_the_time_all_are_legal_and_nothing_is_composed():
    encoding = make_encoding("miditok", tokenizer="TSD", config={"use_rests": True})
    tracker = encoding.tracker(1)
    begins = tracker.legal()[0]
    assert begins.sum() == 14
    tracker.advance(np.array([encoding.begin("3/4")]))
    legal = tracker.legal()[0]
    assert legal.sum() == encoding.vocabulary.size - 14 - 2  # all of the tokeniser's but PAD; no end before a note
    assert not legal[encoding.vocabulary["PAD_None"]]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("REMI", {"use_rests": True}),
        ("REMI", {"beat_res": {"0_2": 12}}),  # no dotted quarter in 6/8
        ("REMI", {"beat_res": {"1_12": 12}}),  # nothing shorter than a beat
        ("TSD", {"use_rests": True}),
        ("TSD", {"beat_res": {"0_4": 8, "4_12": 4}}),
        ("TSD", {"beat_res": {"0_2": 12}}),
        ("TSD", {"beat_res": {"0_2": 12, "4_8": 12}}),
        ("TSD", {"use_note_duration_programs": []}),
        ("MIDILike", {"use_rests": True}),
        ("MIDILike", {"max_duration": [4, 0, 24]}),
        ("MIDILike", {"use_note_duration_programs": [1]}),
        ("MIDILike", {"beat_res": {"0_12": 3}, "use_time_signatures": False}),  # no eighth
        ("Structured", {"beat_res": {"0_12": 3}}),
    ],
)
def test_what_cannot_be_followed_is_not_composed_and_says_so_in_a_line(name, config):
    encoding = make_encoding("miditok", tokenizer=name, config=config)
    assert not composes(encoding)
    with pytest.raises(ValueError, match=f"composing is not offered with miditok's {name} as configured") as caught:
        encoding.tracker(1).finishable(np.array([0]), np.array([96]))
    assert "\n" not in str(caught.value)


def test_all_that_can_be_followed_is_composed():
    assert all(composes(MidiTokEncoding(*way)) for way in WAYS.values())
    assert composes(make_encoding("grid"))
    assert composes(make_encoding("miditok", tokenizer="TSD", config={"beat_res": {"0_2": 6, "2_5": 6}}))


@pytest.mark.parametrize("name", ["REMI", "TSD", "MIDILike"])
def test_a_metre_that_the_tokeniser_lacks_is_neither_begun_nor_offered(name):
    encoding = make_encoding("miditok", tokenizer=name, config={"time_signature_range": {"4": [3, 4]}})
    legal = np.flatnonzero(encoding.tracker(1).legal()[0]).tolist()
    assert [encoding.vocabulary.name_of(token) for token in legal] == ["begin_3/4", "begin_4/4", "begin_other"]
    with pytest.raises(ValueError, match=rf"miditok's {name} as configured has no 6/8; it has 3/4, 4/4"):
        encoding.begin("6/8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "Remy"}, r"no such tokenizer: 'Remy'; there are .*REMI"),
        ({"tokenizer": "CPWord"}, "CPWord writes in several vocabularies at once"),
        ({"tokenizer": "Octuple"}, "Octuple writes in several vocabularies at once"),
        ({"tokenizer": "MMM"}, "MMM is not supported here; choose REMI, TSD, MIDILike or Structured"),
        ({"tokenizer": "PerTok"}, "PerTok is not supported here; choose REMI, TSD, MIDILike or Structured"),
        ({"tokenizer": "BEAT"}, "BEAT as configured writes .*Program"),
        ({"config": {"use_programs": True}}, "REMI as configured writes Program"),
        ({"config": {"use_pitch_intervals": True}}, "writes PitchInterval"),
        ({"config": {"pitch_range": [0, 300]}}, "REMI does not take this config: .*pitch_range"),
        ({"config": {"beat_res": {"four": 4}}}, "REMI does not take this config"),
        ({"config": {"pitch_range": [60]}}, "REMI does not take this config"),
        ({"config": {"foo": 1, "bar": 2}}, "REMI does not take this config: there is no bar, foo; see Tok"),
        ({"config": {"max_duration": [4, 0, 24]}}, "REMI does not take this config: there is no max_duration"),
        (
            {"tokenizer": "TSD", "config": {"beat_res": {"0_1": 1}}},
            "the config is too coarse for tunes in x/2: have 2 or more steps of a beat in beat_res, or leave 2 out",
        ),
        ({"steps_per_quarter": 4}, "encoding 'miditok' has no option steps_per_quarter; it has tokenizer, config"),
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
    assert exact(encoding.decode(encoding.encode(tune((0, 480, 60), (480, 960, 62))).tokens)) == [
        (0, 1, 60),
        (1, 2, 62),
    ]


def test_a_configuration_may_be_as_miditok_writes_it_to_a_file(tmp_path):
    path = tmp_path / "config.json"
    written = miditok.TokenizerConfig(num_velocities=4, use_pitchdrum_tokens=False, use_bar_end_tokens=True)
    written.save_to_json(path)
    encoding = chosen_encoding(f"miditok:REMI:{path}")
    assert "Bar_End" in encoding.vocabulary
    assert "Velocity_127" in encoding.vocabulary


def test_a_tune_moves_only_to_where_the_tokeniser_has_pitches():
    encoding = make_encoding("miditok", config={"pitch_range": [60, 72]})
    assert encoding.pitch_range == (60, 72)
    tokens = encoding.encode(tune((0, 480, 62), (480, 480, 70))).tokens
    assert possible_shifts(encoding, tokens, 0, 127) == [-2, -1, 0, 1, 2]
    streams = Streams([tokens], encoding, 2, 1)
    for _ in range(20):
        assert streams.chunk(16).targets.max() <= encoding.end


def test_notes_out_of_the_tokenisers_range_are_told_with_it():
    encoding = make_encoding("miditok", config={"pitch_range": [60, 72]})
    losses = Counter(notes=3) + encoding.encode(tune((0, 480, 59), (480, 480, 72), (960, 480, 60))).losses
    assert losses_in_words(losses, encoding).endswith(", pitches 60 to 72) does not keep all of 3 notes: 1 lost")


def test_a_pickup_has_its_place_where_a_bar_is_no_whole_number_of_ticks():
    timeline = Timeline(1, 3, (Metre(0, 3, 8), Metre(1, 3, 8)))  # a bar is one and a half of its ticks
    encoding, melody = make_encoding("miditok"), Melody((Note(0, 1, 67), Note(1, 2, 60)), timeline)
    encoded = encoding.encode(melody)
    assert not +encoded.losses
    assert exact(encoding.decode(encoded.tokens)) == [(Fraction(1, 2), 1, 67), (Fraction(3, 2), 2, 60)]


def test_ids_outside_the_vocabulary_are_refused():
    encoding = make_encoding("miditok")
    with pytest.raises(ValueError, match=r"token 9999 is outside this vocabulary"):
        encoding.decode([9999])
    assert encoding.decode([]).notes == ()
    assert encoding.encode(tune()).tokens.tolist() == [encoding.begin("3/4"), encoding.end]


def test_options_are_json_and_make_it_again():
    encoding = make_encoding("miditok", tokenizer="TSD", config={"use_velocities": True, "num_velocities": 8})
    again = make_encoding(**json.loads(json.dumps(encoding.options())))
    assert again == encoding
    assert hash(again) == hash(encoding)
    assert "Velocity_127" in again.vocabulary


def test_it_is_asked_for_by_name_and_colon(tmp_path):
    assert chosen_encoding("miditok") == MidiTokEncoding()
    assert chosen_encoding("miditok:TSD") == MidiTokEncoding("TSD")
    path = tmp_path / "config.json"
    path.write_text('{"beat_res": {"0_8": 12}}')
    assert chosen_encoding(f"miditok:REMI:{path}") == MidiTokEncoding("REMI", {"beat_res": {"0_8": 12}})
    path.write_text("[]")
    with pytest.raises(ValueError, match="a configuration for MidiTok is a JSON object, not list"):
        chosen_encoding(f"miditok:REMI:{path}")
    with pytest.raises(ValueError, match="no configuration for MidiTok in JSON can be read"):
        chosen_encoding(f"miditok:REMI:{tmp_path / 'none.json'}")
    with pytest.raises(ValueError, match="nothing may follow the name of the encoding 'grid'"):
        chosen_encoding("grid:12")


def test_without_miditok_one_line_says_how_to_install_it():
    program = (
        "import sys; sys.modules['miditok'] = None\n"
        "from ritornello.encoding import make_encoding\n"
        "make_encoding('grid')\n"
        "try: make_encoding('miditok')\n"
        "except ImportError as error: print(error)"
    )
    source = str(Path(ritornello.__file__).parents[1])
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=source, check=True)
    assert told.stdout == 'the encoding "miditok" needs MidiTok: pip install "ritornello[miditok]"\n'

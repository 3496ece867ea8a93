"""TSD, Structured and MIDILike: the place in the bar by adding up, what may follow, and tunes composed with them."""

from fractions import Fraction

import numpy as np
import pytest

from ritornello.encoding import make_encoding
from ritornello.encoding.metres import METRES
from ritornello.evaluate.form import faults
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
from ritornello.model.file import ModelFile, save_model
from ritornello.model.options import NetworkOptions
from ritornello.music.files import read
from ritornello.music.values import DEFAULT_VELOCITY, Melody, Metre, Note, Timeline

pytest.importorskip("miditok")

TOKENIZERS = ("TSD", "Structured", "MIDILike")
SHIFTS = 288  # a 24th of a beat, two, ... twelve beats
PITCHES = 128
TUNE = Melody((Note(480, 480, 67), Note(960, 160, 72), Note(1920, 960, 74)), Timeline(480, 0, (Metre(0, 3, 4),)))
THIRD = Fraction(1, 3)
# of TUNE: each token, and after it time and last onset in quarters, how many notes, and what sounds
TSD = [
    ("begin_3/4", 0, 0, 0, -1),
    ("TimeSig_3/4", 0, 0, 0, -1),
    ("TimeShift_1.0.24", 1, 0, 0, -1),
    ("Pitch_67", 1, 0, 0, -1),
    ("Duration_1.0.24", 2, 1, 1, 67),
    ("TimeShift_1.0.24", 2, 1, 1, 67),
    ("Pitch_72", 2, 1, 1, 67),
    ("Duration_0.8.24", 2 + THIRD, 2, 2, 72),
    ("TimeShift_2.0.24", 4, 2, 2, -1),
    ("Pitch_74", 4, 2, 2, -1),
    ("Duration_2.0.24", 6, 4, 3, 74),
    ("end", 6, 4, 3, 74),
]
PLACES = {
    "TSD": TSD,
    "Structured": [TSD[0], *TSD[2:]],
    "MIDILike": [
        ("begin_3/4", 0, 0, 0, -1),
        ("TimeSig_3/4", 0, 0, 0, -1),
        ("TimeShift_1.0.24", 1, 0, 0, -1),
        ("NoteOn_67", 1, 1, 1, 67),
        ("TimeShift_1.0.24", 2, 1, 1, 67),
        ("NoteOff_67", 2, 1, 1, 67),
        ("NoteOn_72", 2, 2, 2, 72),
        ("TimeShift_0.8.24", 2 + THIRD, 2, 2, 72),
        ("NoteOff_72", 2 + THIRD, 2, 2, 72),
        ("TimeShift_1.16.24", 4, 2, 2, -1),
        ("NoteOn_74", 4, 4, 3, 74),
        ("TimeShift_2.0.24", 6, 4, 3, 74),
        ("NoteOff_74", 6, 4, 3, 74),
        ("end", 6, 4, 3, 74),
    ],
}


def fed(encoding, *names: str):
    """A tracker that has taken these tokens."""
    tracker = encoding.tracker(1)
    for name in names:
        tracker.advance(np.array([encoding.vocabulary[name]]))
    return tracker


def may_follow(encoding, *names: str) -> dict[str, int]:
    """How many tokens of each kind are legal after these."""
    legal = np.flatnonzero(fed(encoding, *names).legal()[0])
    kinds = [encoding.vocabulary.name_of(int(token)).partition("_")[0] for token in legal]
    return {kind: kinds.count(kind) for kind in kinds}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_time_passes_as_the_shifts_and_lengths_say(name):
    encoding = make_encoding("miditok", tokenizer=name)
    encoded = encoding.encode(TUNE)
    assert encoding.vocabulary.spell(encoded.tokens) == " | ".join(row[0] for row in PLACES[name])
    tracker = encoding.tracker(1)
    per = encoding.ticks_per_quarter
    for token, (told, *place) in zip(encoded.tokens.astype(np.int64), PLACES[name], strict=True):
        assert tracker.legal()[0, token], told
        tracker.advance(np.array([token]))
        time, onset = (Fraction(int(ticks[0]), per) for ticks in (tracker.time, tracker.onset))
        assert [time, onset, tracker.notes[0], tracker.sounding[0]] == place, told
    assert (tracker.bar[0], tracker.beat[0], tracker.opening[0]) == (3 * per, per, per)
    assert tracker.done[0]
    assert not tracker.legal().any()


def test_tsd_shifts_no_note_to_before_the_last_one_is_over():
    tsd = make_encoding("miditok", tokenizer="TSD")
    assert may_follow(tsd, "begin_3/4") == {"TimeSig": 1}
    headed = ("begin_3/4", "TimeSig_3/4")
    assert may_follow(tsd, *headed) == {"Pitch": PITCHES, "TimeShift": SHIFTS}
    assert may_follow(tsd, *headed, "Pitch_60") == {"Duration": SHIFTS}
    a_beat = (*headed, "Pitch_60", "Duration_1.0.24")
    assert may_follow(tsd, *a_beat) == {"TimeShift": SHIFTS - 23, "end": 1}
    assert not fed(tsd, *a_beat).legal()[0, tsd.vocabulary["TimeShift_0.23.24"]]
    assert may_follow(tsd, *a_beat, "TimeShift_1.0.24") == {"Pitch": PITCHES}
    assert may_follow(tsd, *a_beat, "TimeShift_12.0.24") == {"Pitch": PITCHES, "TimeShift": SHIFTS}


def test_structured_shifts_once_before_every_note():
    structured = make_encoding("miditok", tokenizer="Structured")
    assert may_follow(structured, "begin_3/4") == {"TimeShift": SHIFTS + 1}
    assert may_follow(structured, "begin_3/4", "TimeShift_0.0.1") == {"Pitch": PITCHES}
    assert may_follow(structured, "begin_3/4", "TimeShift_12.0.24") == {"Pitch": PITCHES}
    a_beat = ("begin_3/4", "TimeShift_0.0.1", "Pitch_60", "Duration_1.0.24")
    assert may_follow(structured, *a_beat) == {"TimeShift": SHIFTS - 23, "end": 1}


def test_midilike_ends_each_note_and_no_other():
    midi = make_encoding("miditok", tokenizer="MIDILike")
    headed = ("begin_3/4", "TimeSig_3/4")
    assert may_follow(midi, *headed) == {"NoteOn": PITCHES, "TimeShift": SHIFTS}
    assert may_follow(midi, *headed, "TimeShift_1.0.24") == {"NoteOn": PITCHES}
    sounding = (*headed, "NoteOn_60")
    assert may_follow(midi, *sounding) == {"TimeShift": SHIFTS}
    assert may_follow(midi, *sounding, "TimeShift_1.0.24") == {"NoteOff": 1}
    assert fed(midi, *sounding, "TimeShift_1.0.24").legal()[0, midi.vocabulary["NoteOff_60"]]
    assert may_follow(midi, *sounding, "TimeShift_12.0.24") == {"NoteOff": 1, "TimeShift": SHIFTS}
    over = (*sounding, "TimeShift_1.0.24", "NoteOff_60")
    assert may_follow(midi, *over) == {"NoteOn": PITCHES, "TimeShift": SHIFTS, "end": 1}
    assert may_follow(midi, *over, "TimeShift_12.0.24") == {"NoteOn": PITCHES, "TimeShift": SHIFTS}


@pytest.mark.parametrize("name", ["TSD", "MIDILike"])
def test_a_long_silence_is_the_longest_shifts_and_the_rest(name):
    encoding = make_encoding("miditok", tokenizer=name)
    late = Melody((Note(0, 480, 60), Note(480 * 30, 480, 62)), Timeline(480, 0, (Metre(0, 4, 4),)))
    encoded = encoding.encode(late)
    shifts = [n for n in encoding.vocabulary.spell(encoded.tokens).split(" | ") if n.startswith("TimeShift")]
    told = {"TSD": ["12.0.24", "12.0.24", "6.0.24"], "MIDILike": ["1.0.24", "12.0.24", "12.0.24", "5.0.24", "1.0.24"]}
    assert shifts == [f"TimeShift_{shift}" for shift in told[name]]
    assert not +encoded.losses


def test_a_note_that_is_not_over_is_read_to_where_the_tokens_end():
    midi = make_encoding("miditok", tokenizer="MIDILike")
    per = midi.ticks_per_quarter
    ids = [midi.vocabulary[name] for name in ("begin_3/4", "TimeSig_3/4", "NoteOn_60", "TimeShift_1.0.24")]
    assert midi.decode(ids).notes == (Note(0, per, 60, DEFAULT_VELOCITY),)
    assert midi.decode([*ids, midi.vocabulary["TimeShift_1.0.24"]]).notes == (Note(0, 2 * per, 60, DEFAULT_VELOCITY),)
    assert midi.decode(ids[:-1]).notes == (Note(0, per // 24, 60, DEFAULT_VELOCITY),)  # a step
    over = [*ids, midi.vocabulary["NoteOff_60"], midi.vocabulary["TimeShift_1.0.24"]]
    assert midi.decode(over).notes == (Note(0, per, 60, DEFAULT_VELOCITY),)


def finishable(encoding, bars: int, *names: str) -> set[str]:
    """Kinds of tokens, times with their lengths, after which a tune of 3/4 can still end in its last bar."""
    tracker = fed(encoding, "begin_3/4", *names)
    end = bars * tracker.bar
    mask = tracker.finishable(end - tracker.bar, end, tracker.beat)[0]
    told = {encoding.vocabulary.name_of(int(token)) for token in np.flatnonzero(mask)}
    return {n if n.startswith(("Time", "Duration", "end")) else n.partition("_")[0] for n in told}


def test_in_the_last_bar_no_silence_begins_and_no_note_is_too_short_to_end():
    tsd = make_encoding("miditok", tokenizer="TSD")
    first = ("TimeSig_3/4", "Pitch_60", "Duration_1.0.24")
    assert finishable(tsd, 1, *first) == {"TimeShift_1.0.24", "end"}
    assert finishable(tsd, 1, "TimeSig_3/4") == {"Pitch"}
    lengths = finishable(tsd, 1, *first, "TimeShift_1.0.24", "Pitch_62")
    # a beat and more, to two at most; or what leaves a beat
    assert lengths == {f"Duration_{n // 24}.{n % 24}.24" for n in range(1, 49)}
    second = (*first, "TimeShift_1.0.24", "Pitch_62", "Duration_0.23.24")
    assert finishable(tsd, 1, *second) == {"TimeShift_0.23.24"}
    third = (*second, "TimeShift_0.23.24", "Pitch_64")
    assert finishable(tsd, 1, *third) == {
        *("Duration_0.1.24",),
        *(f"Duration_{n // 24}.{n % 24}.24" for n in (24, 25)),
    }
    assert "end" not in finishable(tsd, 2, *first)


def test_a_held_note_ends_where_the_tune_can():
    midi = make_encoding("miditok", tokenizer="MIDILike", config={"beat_res": {"0_1": 2}})
    sounding = ("TimeSig_3/4", "NoteOn_60")
    assert finishable(midi, 1, *sounding) == {"TimeShift_0.1.2", "TimeShift_1.0.2"}
    assert finishable(midi, 1, *sounding, "TimeShift_1.0.2", "TimeShift_1.0.2") == {
        "NoteOff",
        "TimeShift_0.1.2",
        "TimeShift_1.0.2",
    }
    assert finishable(midi, 1, *sounding, *3 * ["TimeShift_1.0.2"]) == {"NoteOff"}
    assert finishable(midi, 1, *sounding, *3 * ["TimeShift_1.0.2"], "NoteOff_60") == {"end"}
    # two beats are over: the third is the last note's, whole
    then = (*sounding, "TimeShift_1.0.2", "NoteOff_60", "NoteOn_62", "TimeShift_1.0.2", "NoteOff_62", "NoteOn_64")
    assert finishable(midi, 1, *then) == {"TimeShift_1.0.2"}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_two_hundred_tunes_of_every_metre_are_well_formed(name, make_network):
    encoding = make_encoding("miditok", tokenizer=name)
    network = make_network(encoding.vocabulary.size, scale=0.2, seed=3)
    wrong, composed = [], 0
    for metre in METRES[:-1]:
        for bars in (1, 2, 5, 8):
            options = GenerateOptions(bars=bars, metre=metre, top_p=1.0)
            tunes = compose(network, encoding, options, 1, range(4), pitch_range=(50, 76))
            wrong += [found for tune in tunes if (found := faults(tune.tokens, encoding, bars, (50, 76)))]
            assert {tune.melody.timeline.metre.name for tune in tunes} == {metre}
            composed += len(tunes)
    assert composed == 13 * 4 * 4
    assert wrong == []


@pytest.mark.parametrize("name", TOKENIZERS)
def test_it_is_generated_scored_and_rendered_by_the_same_commands(name, command, make_tensors, hymn_corpus, tmp_path):
    encoding = make_encoding("miditok", tokenizer=name)
    model = tmp_path / "model.safetensors"
    tensors = make_tensors(encoding.vocabulary.size, scale=0.2)
    save_model(model, ModelFile(tensors, NetworkOptions(2, 16, 16), encoding, {"corpus": {"compass": [55, 79]}}))
    words = ("--bars", 3, "--metre", "6/8", "--seed", 1, "--primer", "C4 E4:1/2")
    assert command("generate", model, *words, "-o", tmp_path / "tunes").status == 0
    midi = tmp_path / "tunes" / "seed1-001.mid"
    [piece] = read(midi)
    assert [n.pitch for n in piece.parts[0].notes[:2]] == [60, 64]
    assert piece.timeline.metre.name == "6/8"
    for suffix in ("svg", "abc", "html"):
        assert command("render", midi, "-o", tmp_path / f"tune.{suffix}")[::2] == (0, ""), suffix
    status, out, _ = command("evaluate", model, hymn_corpus, "--tunes", 2)
    assert status == 0
    assert "bits per note" in out
    assert "tonic_endings" in out
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"model.safetensors", "tunes", "tune.svg", "tune.abc", "tune.html"}

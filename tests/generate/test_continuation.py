"""What tunes take over from a song: its first bars, loudness, tempo and instrument; and tunes without it."""

import pytest

import ritornello as rito
from ritornello.generate.continuation import first_bars, with_loudness_of, without_primer
from ritornello.music.files import read, write
from ritornello.music.values import Imprint, Melody, Metre, Note, Tempo, Timeline


def song(bars: int = 8, pickup: int = 0, silent: int = 0, velocity: int = 50) -> Melody:
    """Quarters up and down in 4/4, after a pick-up of so many ticks and so many silent bars."""
    starts = [pickup - 480 * n for n in range(1, pickup // 480 + 1)][::-1]
    starts += [pickup + 1920 * silent + 480 * n for n in range(4 * (bars - silent))]
    notes = tuple(Note(start, 480, 60 + n % 5, velocity + n % 3) for n, start in enumerate(starts))
    metres = (Metre(0, 4, 4), Metre(pickup, 4, 4)) if pickup else (Metre(0, 4, 4),)
    return Melody(notes, Timeline(480, pickup + 1920 * bars, metres, (), (Tempo(0, 72.0),)))


def test_first_bars_are_whole_and_a_pickup_is_not_counted():
    for pickup in (0, 480, 960):
        taken, remark = first_bars(song(8, pickup), 2)
        assert (taken.timeline.length, len(taken.notes), remark) == (pickup + 3840, pickup // 480 + 8, "")
        assert taken.timeline.pickup == pickup
        assert taken.timeline.qpm == 72
    assert first_bars(song(2), 4)[0] == song(2)


def test_first_bars_begin_where_the_melody_does():
    taken, remark = first_bars(song(8, silent=3), 2)
    assert (taken.notes[0].start, len(taken.notes), taken.timeline.length) == (0, 8, 3840)
    assert remark == "the first 3 bars of the primer are silent: it is taken from bar 4"


def test_a_note_over_the_last_barline_is_cut():
    melody = Melody((Note(0, 960, 60), Note(960, 1920, 62)), Timeline(480, 3840))
    assert first_bars(melody, 1)[0].notes == (Note(0, 960, 60), Note(960, 960, 62))


def test_no_bar_is_refused():
    with pytest.raises(ValueError, match="primer_bars must be 1 or more, not 0"):
        first_bars(song(), 0)


def test_the_song_is_as_loud_as_it_was_and_the_rest_as_loud_on_average():
    primer = song(1, velocity=30)  # 30 31 32 30
    tune = Melody(tuple(Note(480 * n, 480, 60, v) for n, v in enumerate((90, 70, 80, 80, 90, 70))))
    loud = [note.velocity for note in with_loudness_of(tune, primer, 4).notes]
    assert loud == [30, 31, 32, 30, 41, 21]  # 30.75 instead of 80 on average
    plain = Melody(tuple(n._replace(velocity=80) for n in tune.notes))
    even = [note.velocity for note in with_loudness_of(plain, primer, 4, flat=True).notes]
    assert {*even} == {31}


def test_a_score_says_nothing_of_loudness():
    primer = Melody(tuple(n._replace(velocity=80) for n in song(1).notes))
    tune = Melody(tuple(Note(480 * n, 480, 60, 50 + n) for n in range(8)))
    assert with_loudness_of(tune, primer, 4) == tune


@pytest.mark.parametrize(("quarters", "pickup"), [(4, 0), (3, 1), (5, 3), (8, 0)])
def test_a_tune_without_its_primer_keeps_its_barlines(quarters, pickup):
    primer = song(3).between(0, 480 * quarters)
    rest = without_primer(song(4), primer, quarters)
    assert [n.pitch for n in rest.notes] == [n.pitch for n in song(4).notes[quarters:]]
    assert rest.notes[0].start == 0
    assert rest.timeline.pickup == 480 * pickup
    assert rest.timeline.length == song(4).timeline.length - 480 * quarters


def test_a_tune_without_a_primer_in_another_resolution_and_after_a_pickup():
    primer = song(1, 480).with_resolution(960)
    rest = without_primer(song(4, 480), primer, 5)
    assert [n.pitch for n in rest.notes] == [n.pitch for n in song(4, 480).notes[5:]]
    assert (rest.notes[0].start, rest.timeline.pickup) == (0, 0)


@pytest.fixture
def file(tmp_path):
    write(song(8), tmp_path / "song.mid", imprint=Imprint(program=73))
    return tmp_path / "song.mid"


def test_a_tune_keeps_tempo_instrument_and_loudness_of_its_song(command, little_model, file, tmp_path):
    options = ["--primer", file, "--primer-bars", 2, "--bars", 4, "--seed", 1]
    said = command("generate", little_model, "-o", tmp_path / "out", *options)
    assert said.status == 0
    [piece] = read(tmp_path / "out" / "seed1-001.mid")
    assert round(piece.timeline.qpm) == 72
    assert piece.parts[0].program == 73
    assert piece.parts[0].notes[:7] == song(8).notes[:7]
    rest = [n.velocity for n in piece.parts[0].notes[8:]]
    assert 40 < sum(rest) / len(rest) < 62


def test_options_go_before_what_the_song_has(little_model, file):
    model = rito.load_model(little_model)
    tune = model.generate(primer=file, primer_bars=1, bars=3, qpm=90, program=5, seed=1)
    assert (tune.melody.timeline.qpm, tune.imprint.program) == (90, 5)


def test_notes_by_name_have_no_tempo_of_their_own(little_model):
    model = rito.load_model(little_model)
    for primer in ("C4 E4 G4", [60, 64, 67]):
        tune = model.generate(primer=primer, bars=3, seed=1)
        assert (tune.melody.timeline.qpm, tune.imprint.program) == (100, 0)


def test_the_primer_is_left_out_when_asked(little_model, file):
    model = rito.load_model(little_model)
    whole = model.generate(primer=file, primer_bars=2, bars=5, seed=1)
    rest = model.generate(primer=file, primer_bars=2, bars=5, seed=1, without_primer=True)
    assert [n.pitch for n in rest.melody.notes] == [n.pitch for n in whole.melody.notes[8:]]
    assert (rest.surprise == whole.surprise[8:]).all()
    assert rest.melody.timeline.length == whole.melody.timeline.length - 2 * 1920
    assert "--primer-bars 2 --without-primer" in rest.imprint.origin


def test_what_is_changed_of_a_song_is_said(little_model, file, command, tmp_path):
    options = ["--primer-bars", 1, "--bars", 3, "--metre", "3/4", "--range", "C5-C6", "--seed", 1]
    said = command("generate", little_model, "-o", tmp_path / "out", "--primer", file, *options)
    assert said.status == 0
    assert "it is set in 3/4 instead of 4/4" in said.err
    assert "it goes from C4 to E♭4, beyond the range of the tune after it (C5 to C6" in said.err
    remarks = []
    tune = rito.load_model(little_model).generate(
        primer=file, primer_bars=1, bars=3, key="F#", seed=1, on_remark=remarks.append
    )
    shift = tune.melody.notes[0].pitch - 60
    assert shift
    assert any(f"transposed by {shift:+d} semitones, to " in line for line in remarks)


def test_options_about_a_primer_need_one(little_model):
    for options in ({"primer_bars": 2}, {"without_primer": True}):
        with pytest.raises(ValueError, match="give one"):
            rito.load_model(little_model).generate(bars=2, **options)


@pytest.mark.parametrize(
    ("primer", "lengths"),
    [
        ("C4:1/7 D4", "1/7"),
        ("C4:1/5 D4:1/5 E4:1/5 F4:1/5 G4:1/5", "1/5"),
        ("C4:1/16 D4:1/16 E4:1/8 F4", "1/16"),
        ("C4 E4:1/2 F4:1/2 G4:2", ""),
        ("C4:3/4 D4:1/4 E4:3/2 F4:1/2", ""),
        ("C4:1/3 D4:1/3 E4:1/3 C4", ""),
        ("C E G", ""),
    ],
)
def test_lengths_that_the_model_hardly_knows_are_named(primer, lengths):
    remarks: list[str] = []
    rito.load_model().generate(primer=primer, bars=3, seed=1, on_remark=remarks.append)
    assert len(remarks) == bool(lengths)
    if lengths:
        assert f"hardly ever seen notes of {lengths} quarters" in remarks[0]


@pytest.mark.parametrize("primer", ["C E G", "60 64 67", "c,e:1,g", [60, 64, 67]])
def test_primers_of_bare_names_and_numbers_begin_the_tune(primer):
    model = rito.load_model()
    tune = model.generate(primer=primer, bars=3, seed=1, on_remark=lambda line: None)
    assert tune.melody == model.generate(primer="C4 E4 G4", bars=3, seed=1).melody

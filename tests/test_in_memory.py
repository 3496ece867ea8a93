"""Music in memory, of this library and of others: a corpus, a primer, and something to score."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import ritornello as rito
from ritornello.corpus.beats.settle import has_counted_bars
from ritornello.corpus.errors import CorpusError
from ritornello.music.objects import TAKEN, pieces_of
from ritornello.music.values import Key, Melody, Metre, Note, Piece, Tempo, Timeline

PITCHES = [60, 62, 64, 65, 67, 69, 71, 72]
QUARTERS = [(n, 1.0, pitch) for n, pitch in enumerate(PITCHES)]  # start, duration, pitch


def a_melody() -> Melody:
    notes = tuple(Note(480 * n, 480, pitch, 90) for n, pitch in enumerate(PITCHES))
    timeline = Timeline(480, 8 * 480, (Metre(0, 3, 4),), (Key(0, 0, "major"),), (Tempo(0, 90.0),))
    return Melody(notes, timeline, "A scale")


def a_stream():
    music21 = pytest.importorskip("music21")
    return music21.converter.parse("tinynotation: 3/4 c4 d e f g a b c'")


def a_symusic_score():
    symusic = pytest.importorskip("symusic")
    score = symusic.Score(96)
    score.tracks.append(symusic.Track("melody", 40))
    score.time_signatures.append(symusic.TimeSignature(0, 3, 4))
    for start, duration, pitch in QUARTERS:
        score.tracks[0].notes.append(symusic.Note(96 * start, round(96 * duration), pitch, 90))
    return score


def a_pretty_midi():
    pretty_midi = pytest.importorskip("pretty_midi")
    music = pretty_midi.PrettyMIDI(initial_tempo=120)
    music.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0))
    music.instruments.append(pretty_midi.Instrument(0))
    for start, duration, pitch in QUARTERS:
        music.instruments[0].notes.append(pretty_midi.Note(90, pitch, start / 2, (start + duration) / 2))
    return music


def a_structured_array() -> np.ndarray:
    rows = [(480 * start, 480, pitch, 90) for start, _, pitch in QUARTERS]
    return np.array(rows, [("start", "i8"), ("duration", "i8"), ("pitch", "i2"), ("velocity", "u1")])


KINDS = {
    "melody": a_melody,
    "notes": lambda: list(a_melody().notes),
    "stream": a_stream,
    "symusic": a_symusic_score,
    "symusic in quarters": lambda: a_symusic_score().to("quarter"),
    "pretty_midi": a_pretty_midi,
    "array": lambda: np.array(QUARTERS),
    "array with velocities": lambda: np.array([(*row, 90) for row in QUARTERS]),
    "structured array": a_structured_array,
    "tuples": lambda: QUARTERS,
    "pitches": lambda: PITCHES,
    "array of pitches": lambda: np.array(PITCHES, np.uint8),
}
NO_METRE = ("notes", "array", "array with velocities", "structured array", "tuples", "pitches", "array of pitches")


def test_music_in_memory_has_counted_bars_as_the_file_of_it_has():
    [memory] = pieces_of(a_symusic_score(), "item 1")
    assert has_counted_bars(memory)
    assert has_counted_bars(Piece((), source="tune.MID"))
    assert not has_counted_bars(Piece((), source="tune.abc#3"))


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


def in_quarters(melody: Melody) -> list[tuple[float, float, int]]:
    quarter = melody.timeline.ticks_per_quarter
    return [(n.start / quarter, n.duration / quarter, n.pitch) for n in melody.notes]


def test_a_corpus_holds_its_notes_and_metre(kind):
    corpus = rito.build_corpus([KINDS[kind]()])
    [melody] = corpus.melodies()
    assert in_quarters(melody) == QUARTERS
    assert melody.timeline.metre.name == ("4/4" if kind in NO_METRE else "3/4")
    assert melody.title == {"melody": "A scale"}.get(kind, "melody" if "symusic" in kind else "")
    assert [(line.path, line.status) for line in corpus.report] == [("item 1", "kept")]


def test_melodies_keep_the_names_of_their_files(hymn_folder):
    melodies = rito.build_corpus(hymn_folder).melodies()
    again = rito.build_corpus([*melodies[:3], melodies[3], melodies[3], PITCHES])
    assert [line.path for line in again.report] == [*(m.source for m in melodies[:3]), "item 4", "item 5", "item 6"]
    assert [m.source for m in again.melodies()[:3]] == [m.source for m in melodies[:3]]


def test_a_list_of_rows_in_a_list_of_pieces_is_refused_by_its_type():
    with pytest.raises(TypeError, match=r"item 1 is of the type list, which holds no melody; taken is a Melody"):
        rito.build_corpus([[np.array([0, 1, 60]), np.array([1, 1, 62])]])


def test_one_alone_is_a_corpus_of_one(kind):
    assert [in_quarters(melody) for melody in rito.load_corpus(KINDS[kind]()).melodies()] == [QUARTERS]


def test_a_tune_goes_on_from_it(kind, little_model):
    tune = rito.load_model(little_model).generate(primer=KINDS[kind](), bars=4, seed=1)
    assert in_quarters(tune.melody)[:7] == QUARTERS[:7]
    assert tune.melody.notes[7].pitch == PITCHES[7]  # it may last longer


def test_it_is_scored_whole(kind, little_model):
    score = rito.load_model(little_model).evaluate(KINDS[kind]())
    assert (score["split"], score["notes"]) == ("all", len(PITCHES))


def test_a_network_learns_from_a_list(tmp_path):
    tunes = [[pitch + shift for pitch in pitches] for shift, pitches in enumerate([PITCHES, PITCHES[::-1]] * 4)]
    few = {"preset": "tiny", "updates": 2, "checks": 1, "threads": 1, "streams": 2, "bptt_steps": 16}
    run = rito.train(tunes, tmp_path / "run", engine="numpy", **few)
    assert len(run.checks) == 1


def test_a_corpus_of_them_is_written_and_read(tmp_path):
    built = rito.build_corpus([a_melody(), PITCHES[:5]], tmp_path / "corpus")
    again = rito.load_corpus(tmp_path / "corpus")
    assert again.melodies() == built.melodies()
    assert (tmp_path / "corpus" / "report.html").is_file()


def test_melodies_of_a_corpus_make_the_same_corpus(tiny_corpus):
    melodies = tiny_corpus.melodies()
    built = rito.build_corpus(melodies, keep_copies=True)
    assert [in_quarters(melody) for melody in built.melodies()] == [in_quarters(melody) for melody in melodies]


def test_pieces_that_were_read_are_taken_with_all_their_tunes(hymn_folder):
    paths = sorted(hymn_folder.glob("*.abc"))
    pieces = [piece for path in paths for piece in rito.read(path)]
    from_files = [in_quarters(melody) for melody in rito.build_corpus(paths).melodies()]
    assert [in_quarters(melody) for melody in rito.build_corpus(pieces).melodies()] == from_files


def test_a_stream_keeps_ties_pickups_repeats_and_its_title():
    music21 = pytest.importorskip("music21")
    stream = music21.converter.parse(
        "X:1\nT:Little Tune\nM:4/4\nL:1/4\nK:Ddor\n|: D | E F G A- | A2 z :|\n", format="abc"
    )
    [melody] = rito.build_corpus(stream).melodies()
    assert melody.title == "Little Tune"
    assert [pitch for _, _, pitch in in_quarters(melody)] == [62, 64, 65, 67, 69] * 2
    assert [duration for _, duration, _ in in_quarters(melody)] == [1, 1, 1, 1, 3] * 2
    assert melody.timeline.pickup == melody.timeline.ticks_per_quarter


def test_of_a_score_with_an_accompaniment_the_tune_is_picked():
    symusic = pytest.importorskip("symusic")
    score = a_symusic_score()
    score.tracks.append(symusic.Track("drums", 0, True))
    score.tracks[1].notes.extend([symusic.Note(96 * n, 48, 36, 90) for n in range(8)])
    [melody] = rito.build_corpus(score).melodies()
    assert in_quarters(melody) == QUARTERS


def test_one_without_notes_is_dropped_with_a_reason():
    symusic = pytest.importorskip("symusic")
    report = rito.build_corpus([symusic.Score(480), PITCHES]).report
    assert [(line.status, line.reason) for line in report] == [("dropped", "no_notes"), ("kept", "ok")]


WRONG = {
    "a number": 60,
    "a dictionary": {"pitch": 60},
    "a list of words and notes": [[60, "C4"]],
    "floats": np.array([60.0, 62.0]),
    "a table of two columns": np.zeros((4, 2)),
    "an object of somebody's own": SimpleNamespace(notes=PITCHES),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_anything_else_is_refused_in_one_line_that_says_what_is_taken(wrong, little_model):
    model = rito.load_model(little_model)
    for use in (rito.load_corpus, lambda music: model.generate(primer=music), model.evaluate):
        with pytest.raises(TypeError, match="taken is a Melody or Piece") as caught:
            use(wrong)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([60, 128, 128, 129], "pitches are 0 to 127, not 60 to 129; tokens of the exercise are read from .npz"),
        (np.array([(0, 1, 60.5)]), "pitches must be whole numbers"),
        (np.array([(0, np.inf, 60)]), "must be finite"),
        (np.array([(-1, 1, 60)]), "must start at 0 or later"),
        (np.array([(0, 0, 60)]), "last longer than 0"),
        (np.array([(0, 1, 60), (1e6, 1, 62)]), "beyond 100,000 quarters"),
        (np.array([(0, 1e300, 60)]), "beyond 100,000 quarters"),
    ],
)
def test_numbers_that_are_no_notes_are_refused_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        rito.build_corpus(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([60.5, 60], "pitches are whole numbers, 0 to 127, each a quarter long; not 60.5"),
        ([], "there is no note in it"),
        ("", "write at least one note, as in C4 E4 G4"),
    ],
)
def test_one_melody_of_nothing_or_of_fractions_is_refused_in_one_line(wrong, message, little_model):
    with pytest.raises(ValueError, match=message) as caught:
        rito.load_model(little_model).surprise(wrong)
    assert "\n" not in str(caught.value)


def test_files_and_objects_are_not_mixed(hymn_folder):
    with pytest.raises(TypeError, match="read the files first"):
        rito.build_corpus([str(hymn_folder), a_melody()])


def test_no_library_is_imported_for_an_object_of_another(monkeypatch):
    for name in ("music21", "symusic", "pretty_midi"):
        monkeypatch.setitem(sys.modules, name, None)  # to import it would fail
    for music in (a_melody(), PITCHES, np.array(QUARTERS)):
        assert len(pieces_of(music, "item 1")) == 1
    with pytest.raises(TypeError, match="holds no melody"):
        pieces_of(object(), "item 1")
    assert "pitches" in TAKEN


def test_none_in_a_list_of_pitches_is_a_rest_of_a_quarter():
    tune = [60, None, 62, 64, None, None, 65, 67, 69, 71, 72]
    (melody,) = rito.build_corpus([tune]).melodies()
    quarter = melody.timeline.ticks_per_quarter
    expected = [(place, 1, pitch) for place, pitch in enumerate(tune) if pitch is not None]
    assert [(n.start / quarter, n.duration / quarter, n.pitch) for n in melody.notes] == expected
    assert len(rito.build_corpus(tune).melodies()) == 1
    with pytest.raises(ValueError, match="no note in it"):
        pieces_of([None, None], "x")


@pytest.mark.parametrize(
    "odd", [np.array([[-1.0, 1, 60]]), np.array([[np.nan, 1, 60]]), np.array([[0, 1, 200]]), [60.5], [60, 200]]
)
def test_numbers_that_are_no_notes_are_not_to_be_fetched_again(odd):
    with pytest.raises(CorpusError, match="put these numbers right"):
        rito.build_corpus([odd])

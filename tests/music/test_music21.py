"""Melodies as scores of music21 and back: nothing of the music is lost on the way."""

import sys

import pytest
from real_tunes import in_quarters, real_melodies

import ritornello as rito
from ritornello.music.objects import from_music21, to_music21
from ritornello.music.values import Imprint, Key, Melody, Metre, Note, Tempo, Timeline
from ritornello.render.shown import ShownMelody

pytest.importorskip("music21")

PICK_UP = Melody(
    (Note(0, 480, 67), Note(480, 480, 72), Note(960, 960, 74), Note(1920, 160, 76), Note(2080, 160, 74)),
    Timeline(
        480, 3360, (Metre(0, 3, 4), Metre(480, 3, 4)), (Key(0, -1, "dorian"),), (Tempo(0, 96.5), Tempo(1920, 60.0))
    ),
    "Air & Variation",
)


def meant(melody):
    """What must survive: notes, metres, keys with modes, pick-up and tempos in quarters, and the title."""
    timeline, quarter = melody.timeline, melody.timeline.ticks_per_quarter
    end = timeline.barlines()[-1]
    return {
        "notes": in_quarters(melody.notes, quarter),
        "metres": [(m.tick / quarter, *m[1:3]) for m in timeline.metres if m.tick < end],
        "keys": [(k.tick / quarter, *k[1:]) for k in timeline.keys if k.tick < end],
        "pickup": timeline.pickup / quarter,
        "tempo": round(timeline.qpm, 6),
        "title": melody.title,
    }


def test_a_melody_comes_back_from_music21_as_it_was():
    score = to_music21(PICK_UP, Imprint(composer="A. Nonymous"))
    assert score.metadata.title == "Air & Variation"
    assert score.metadata.composer == "A. Nonymous"
    notes = [(float(n.getOffsetInHierarchy(score)), n.pitch.midi) for n in score.recurse().notes]
    assert notes == [(0, 67), (1, 72), (2, 74), (4, 76), (pytest.approx(13 / 3), 74)]
    piece = from_music21(score)
    assert piece.composer == "A. Nonymous"
    back = Melody(piece.parts[0].notes, piece.timeline, piece.title)
    assert meant(back) == meant(PICK_UP)
    assert [t.qpm for t in back.timeline.tempos] == [96.5, 60.0]


def test_tunes_and_melodies_of_a_corpus_go_to_music21_and_come_back_showing_themselves():
    tune = rito.load_model().generate(bars=2, seed=1)
    for line in (tune, rito.load_corpus("hymns").melodies()[0]):
        back = rito.from_music21(line.to_music21())
        assert isinstance(back, ShownMelody)
        assert meant(back) == meant(getattr(line, "melody", line))


def test_hymns_and_songs_come_back_as_they_were(shared_data, tmp_path_factory):
    melodies = real_melodies(shared_data, tmp_path_factory.mktemp("songs"), 22)
    assert len(melodies) >= 100
    wrong = []
    for melody in melodies:
        back = rito.from_music21(to_music21(melody))
        wrong += [(melody.source, name) for name, value in meant(back).items() if value != meant(melody)[name]]
    assert wrong == []


def test_without_music21_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(ImportError, match=r"pip install music21$"):
        to_music21(PICK_UP)


@pytest.mark.parametrize("other", [PICK_UP, [60, 62], "tune.mid", None])
def test_only_streams_are_taken(other):
    with pytest.raises(TypeError, match="a stream of music21, not"):
        rito.from_music21(other)

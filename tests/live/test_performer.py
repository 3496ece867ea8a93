"""A model of performances on stage: its dials, what it hears and plays at a time, in every way of playing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.support.scripted_line import ScriptedLine

import ritornello as rito
from ritornello.api.live import Models
from ritornello.live.dials import WAYS, Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line, Performer, line_of
from ritornello.live.rehearsal import rehearse
from ritornello.live.score import Performance
from ritornello.live.values import Event, LineNote
from ritornello.live.ways.plan import Plan
from ritornello.model.file import ModelFile, find_model, load_model

PENTATONIC = (0, 2, 4, 7, 9)


@pytest.fixture(scope="module")
def piano() -> ModelFile:
    return load_model(find_model("songs-piano"))


def starts(events: list[Event], begin: float, end: float) -> list[int]:
    """The pitches that begin between two times, in seconds."""
    return [e.number for e in events if e.kind == "note_on" and begin <= e.time < end]


def test_notes_a_second_and_scale_are_dials_that_turn_while_it_plays(piano) -> None:
    played: list[Event] = []
    dials = Dials(mode="autonomous", answer_bars=32, notes_per_second=2.0)
    keep = lambda source, event, beat, qpm: played.append(event) if source == "played" else None  # noqa: E731
    engine = Engine(line_of(piano, 1, dials), dials, 1, keep)
    turned = [
        Event(20.0, "dial", value=8.0, name="notes_per_second"),
        Event(40.0, "dial", value=4.0, name="notes_per_second"),
        Event(40.0, "dial", value="C D E G A", name="scale"),
    ]
    rehearse(engine, Performance(turned, 60.0, 100.0, "4/4"), 60.0)
    # what is committed ahead stays: two seconds after each turn are left out
    assert len(starts(played, 0, 20)) / 20 == pytest.approx(2, rel=0.2)
    assert len(starts(played, 22, 40)) / 18 == pytest.approx(8, rel=0.2)
    assert len(starts(played, 42, 60)) / 18 == pytest.approx(4, rel=0.2)
    assert np.isin(np.array(starts(played, 42, 60)) % 12, PENTATONIC).all()
    assert not np.isin(np.array(starts(played, 22, 40)) % 12, PENTATONIC).all()


def test_it_plays_several_notes_at_a_time_within_its_range(piano) -> None:
    dials = Dials(mode="autonomous", low=48, high=72)
    performer, notes = line_of(piano, 3, dials), []
    for place in range(16):
        made = performer.propose(Fraction(place), Fraction(place + 1), dials, Fraction(16))
        performer.accept(made)
        assert all(place <= note.start < place + 1 for note in made)
        notes += made
    assert max(note.end for note in notes) <= 16  # the phrase is over, and all notes with it
    assert {note.pitch for note in notes} <= set(range(48, 73))
    sounding = [sum(other.start <= note.start < other.end for other in notes) for note in notes]
    assert max(sounding) >= 3
    assert min(note.start for note in notes) == 0
    per_pitch = {pitch: sorted(n for n in notes if n.pitch == pitch) for pitch in {n.pitch for n in notes}}
    assert all(a.end <= b.start for own in per_pitch.values() for a, b in zip(own, own[1:], strict=False))


def test_reading_on_is_reading_anew(piano) -> None:
    dials = Dials(notes_per_second=4.0)
    one = line_of(piano, 5, dials)
    one.heard([LineNote(Fraction(n, 2), Fraction(1, 2), 60 + 4 * (n % 2), 70) for n in range(8)])
    for place in range(4, 9):
        one.accept(one.propose(Fraction(place), Fraction(place + 1), dials))
    other = one.played_by(piano)
    other._since, other._density = one._since, one._density
    assert one.propose(Fraction(9), Fraction(10), dials) == other.propose(Fraction(9), Fraction(10), dials)
    one.take_back(Fraction(6))
    other.take_back(Fraction(6))
    assert one.propose(Fraction(6), Fraction(8), dials) == other.propose(Fraction(6), Fraction(8), dials)


@pytest.mark.parametrize("way", WAYS)
def test_it_plays_in_every_way_and_a_session_is_computed_anew(way, tmp_path) -> None:
    session = tmp_path / "evening.session"
    tune = "C4 E4 G4:2 D4 F4 A4:2 C4 E4 G4:2 r:4"
    made = rito.jam("songs-piano", play=tune, mode=way, seed=1, session=session, notes_per_second=4.0)
    assert len(made.piece.parts[1].notes) >= 3
    assert rito.replay(session).differences == ()


def test_all_notes_of_a_chord_are_heard() -> None:
    line = ScriptedLine()
    line.is_melody = False
    engine = Engine(line, Dials(), 1)
    for number in (60, 64, 67):
        engine.hear(Event(0.0, "note_on", number, 80))
    for number in (60, 64, 67):
        engine.hear(Event(0.6, "note_off", number))
    assert sorted(note.pitch for note in line.heard_notes) == [60, 64, 67]


@pytest.mark.parametrize(("is_melody", "settled"), [(True, 4), (False, 1)])
def test_notes_of_a_performance_may_begin_while_others_ring(is_melody, settled) -> None:
    line = ScriptedLine(figure=((0, 4, 48), (1, 1, 60), (2, 1, 62)), period=8)
    line.is_melody = is_melody
    plan = Plan()
    plan.open(Fraction(0), None)
    plan.extend(line, Fraction(1), Dials())
    plan.commit(Fraction(1))
    assert plan.planned == plan.settled == settled
    plan.extend(line, Fraction(3), Dials())
    plan.discard(line)
    assert line.accepted == plan.committed  # what will not be played is forgotten


def test_a_second_note_is_another_one_in_the_register(piano) -> None:
    dials = Dials(mode="follow", low=55, high=79)
    performer = line_of(piano, 2, dials)
    found = [performer.companion(LineNote(Fraction(n), Fraction(1), 60 + n, 90), dials) for n in range(6)]
    assert all(note is not None and 55 <= note.pitch <= 79 and note.velocity == 90 for note in found)
    assert all(note.pitch != 60 + n for n, note in enumerate(found) if note)
    assert performer.companion(LineNote(Fraction(9), Fraction(1), 60), Dials(low=0, high=4)) is not None


def test_a_model_plays_by_its_kind(piano) -> None:
    assert isinstance(line_of(piano), Performer)
    assert isinstance(line_of(load_model(find_model("grid"))), Line)
    with pytest.raises(ValueError, match="writes no performances"):
        line_of(load_model(find_model("four-voices")))


def test_a_model_of_other_music_may_play_on(piano) -> None:
    models = Models()
    sha256 = {name: models.load(name) for name in ("songs-piano", "grid")}
    melody = line_of(load_model(find_model("grid")), 7, Dials(qpm=90))
    pianist = models.change(melody, Event(1.0, "model", value=sha256["songs-piano"], name="songs-piano"))
    assert isinstance(pianist, Performer)
    assert (pianist.seed, pianist.dials.qpm) == (7, 90)
    assert isinstance(models.change(pianist, Event(2.0, "model", value=sha256["grid"], name="grid")), Line)


@pytest.mark.parametrize(
    ("model", "dials", "words"),
    [
        (
            "four-voices",
            {},
            "jam needs a model of melodies or of performances; four-voices, in the encoding 'chorale'",
        ),
        ("hymns-and-songs", {"notes_per_second": 4.0}, "notes_per_second= is for models of performances"),
    ],
)
def test_what_cannot_be_is_one_line(model, dials, words) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        rito.jam(model, mode="autonomous", seconds=4, **dials)
    assert "\n" not in str(refused.value)

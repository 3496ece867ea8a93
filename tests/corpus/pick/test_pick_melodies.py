"""The melody among several parts, on pieces made by hand."""

from __future__ import annotations

import re

import pytest

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.names import name_speaks
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.corpus.report import REMEDIES
from ritornello.music.values import Key, Note, Part, Piece, Timeline

Q = 480
TUNE = (67, 69, 71, 72, 71, 69, 67, 64, 65, 67, 69, 67, 65, 64, 62, 60)
RHYTHM = (1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 2, 1, 0.5, 0.5, 1, 1, 2, 2)


def sung(shift: int = 0, **metadata) -> Part:
    now, notes = 0, []
    for pitch, length in zip(TUNE * 2, RHYTHM * 2):
        notes.append(Note(now, int(length * Q), pitch + shift))
        now += int(length * Q)
    return Part(tuple(notes), **metadata)


def chords(high: int = 0, **metadata) -> Part:
    roots = (48, 53, 55, 48) * 4
    notes = [Note(2 * Q * k, 2 * Q, r + high + i) for k, r in enumerate(roots) for i in (0, 4, 7)]
    return Part(tuple(notes), **metadata)


def bass(**metadata) -> Part:
    return Part(tuple(Note(Q * k, Q, (36, 43)[k % 2]) for k in range(32)), **metadata)


def arpeggio(**metadata) -> Part:
    return Part(tuple(Note(Q // 2 * k, Q // 2, 72 + (0, 4, 7, 12)[k % 4]) for k in range(64)), **metadata)


def drums() -> Part:
    return Part(tuple(Note(Q * k, Q // 4, 38) for k in range(32)), "Melody", is_drum=True)


def pick(*parts: Part, line: Timeline = Timeline(Q), **options):
    return pick_melodies(Piece(parts, line, "T", source="x.mid"), BuildOptions(**options))


@pytest.mark.parametrize("place", range(4))
def test_the_tune_is_found_among_anonymous_tracks_in_any_order(place):
    parts = [chords(), bass(), arpeggio()]
    parts.insert(place, sung())
    (choice,) = pick(drums(), *parts)
    assert choice.part == place + 1
    assert choice.melody.notes == sung().notes
    assert choice.confidence > 0.9
    assert choice.losses == {"other_parts": 4}
    assert choice.why[0].startswith(f"part {place + 2} of 5, ")
    assert choice.scores[0].index == place + 1
    assert sum(s.share for s in choice.scores) == pytest.approx(1)


@pytest.mark.parametrize(
    "name", ["Vocals", "Gesang", "Chant", "Voz", "Canto", "Мелодия", "主旋律", "メロディ", "Zang"]
)
def test_a_name_in_any_language_settles_it_between_two_alike(name):
    (choice,) = pick(sung(), sung(-2, name=name), sung(2))
    assert choice.part == 1
    assert any("name +" in line for line in choice.why)


def test_words_settle_it_between_two_alike():
    (choice,) = pick(sung(), sung(-2), sung(2, syllables=30))
    assert choice.part == 2


def test_the_names_of_the_others_count_against_them():
    says = {
        "Lead Vocal": 1, "Singstimme": 1, "melodie": 1, "ÉNEK": 1, "Solo-Sopran": 1, "Вокал": 1, "歌声": 1,
        "Bass": -1, "Kontrabaß": -1, "Left hand": -1, "Begleitung": -1, "伴奏": -1, "Drums": -1, "Strings": -1,
        "Vocal harmony": 0.5, "Track 3": 0, "": 0, "MIDI 01": 0, "Hi-Hat": 0, "Staff": 0,
    }  # fmt: skip
    assert {name: name_speaks(name) for name in says} == says


def test_percussion_is_never_picked():
    for how in ("auto", "first", "highest"):
        (choice,) = pick(drums(), bass(), pick=how)
        assert choice.melody.notes == bass().notes
    assert [c.part for c in pick(drums(), bass(), pick="every-part")] == [1]
    with pytest.raises(CorpusError, match=r"x\.mid: track Melody is percussion|no track 'Melody'") as error:
        pick(drums(), bass(), pick="track:Melody")
    assert error.value.reason == "no_such_track"
    with pytest.raises(CorpusError, match="track 1 is percussion; there are 2"):
        pick(drums(), bass(), pick="track:1")
    with pytest.raises(CorpusError, match="only percussion") as error:
        pick(drums())
    assert error.value.reason == "drums_only"


def test_a_doubled_track_counts_once_and_the_named_one_is_taken():
    (choice,) = pick(chords(), sung(), sung(12), sung(name="Vocal"))
    assert choice.part == 3
    assert choice.scores[0].doubles == (1, 2)
    assert choice.confidence > 0.9
    assert any("doubled by part 2, 3" in line for line in choice.why)
    assert [c.part for c in pick(chords(), sung(), sung(), pick="every-part")] == [0, 1]


def test_first_track_and_highest_as_asked():
    parts = (Part((), "empty"), bass(name="Bass"), sung(name="Lead 2"), arpeggio(name="Harp"))
    assert pick(*parts, pick="first")[0].part == 1
    assert pick(*parts, pick="track:harp")[0].part == 3
    assert pick(*parts, pick="track:lead")[0].part == 2
    assert pick(*parts, pick="track:3")[0].part == 2
    highest = pick(*parts, pick="highest")[0]
    assert highest.part == -1
    assert highest.melody.notes == arpeggio().notes
    with pytest.raises(CorpusError, match=r"""no track 'Flute' .*; there are 2 "Bass", 3 "Lead 2", 4 "Harp"$"""):
        pick(*parts, pick="track:Flute")
    with pytest.raises(CorpusError, match=r"no track '9'"):
        pick(*parts, pick="track:9")


@pytest.mark.parametrize("how", ["", "loudest", "track:", "track: "])
def test_a_way_of_picking_that_is_not_one_is_refused(how):
    with pytest.raises(CorpusError, match="pick must be auto, first, highest, every-part or track:NAME_OR_NUMBER"):
        BuildOptions(pick=how)


def test_a_choice_between_two_alike_is_doubted():
    (choice,) = pick(sung(name="Vocal 1"), sung(1, name="Vocal 2"), chords())
    (code, detail) = choice.warnings[0]
    assert code == "unsure_pick"
    assert code in REMEDIES
    assert re.fullmatch(r'part 1 "Vocal 1" [56]\d%, part 2 "Vocal 2" [34]\d%', detail)
    assert choice.confidence < 0.7


def test_a_pedal_point_above_the_tune_does_not_swallow_it():
    held = Part((*sung().notes, Note(0, 16 * Q, 84)))
    (choice,) = pick(held)
    assert choice.melody.notes == sung().notes
    assert choice.losses == {"notes_below_top": 1}


def test_a_tune_in_chords_is_their_top():
    under = [n._replace(pitch=n.pitch - 5) for n in sung().notes]
    (choice,) = pick(Part((*sung().notes, *under)))
    assert choice.melody.notes == sung().notes
    assert choice.losses == {"notes_below_top": 32}


def test_a_played_chord_need_not_be_struck_at_once():
    """Each chord is spread over 20 ticks from below, and a bass note comes after its tune."""
    notes = []
    for n in sung().notes:
        notes += [Note(n.start + 7, 200, n.pitch - 12), Note(n.start + 18, 210, n.pitch - 7)]
        notes += [Note(n.start + 27, n.duration - 30, n.pitch), Note(n.start + 33, 120, n.pitch - 24)]
    (choice,) = pick(Part(tuple(notes)))
    assert [(n.start, n.pitch) for n in choice.melody.notes] == [(n.start, n.pitch) for n in sung().notes]


def test_played_legato_is_one_line():
    notes = [
        n._replace(start=n.start + (11, 23, 5)[k % 3], duration=n.duration + 40) for k, n in enumerate(sung().notes)
    ]
    (choice,) = pick(Part(tuple(notes)))
    assert [(n.start, n.pitch) for n in choice.melody.notes] == [(n.start, n.pitch) for n in sung().notes]
    assert any("played timing laid on a grid of 4 steps" in line for line in choice.why)


def test_timing_that_a_grid_moves_is_a_warning_with_its_remedy_and_written_timing_is_none():
    triplets = Part(tuple(Note(160 * n, 160, 60 + n % 5) for n in range(24)))
    for options in ({}, {"steps_per_quarter": 6}, {"timing": "exact"}):
        assert pick(triplets, **options)[0].warnings == ()
    [(code, detail)] = pick(triplets, timing="grid")[0].warnings
    assert code == "off_grid"
    assert detail == "quantising moved 67% of onsets by a third of a step or more; 12 steps a quarter fit"


def test_a_key_is_found_where_the_file_names_none():
    (choice,) = pick(sung(-5))
    assert choice.melody.timeline.keys == (Key(0, 1, "major"),)
    assert any("key G major, found with confidence 0." in line for line in choice.why)


def test_a_stated_key_stays_but_a_c_major_that_does_not_fit():
    stated = Timeline(Q, keys=(Key(0, -3, "minor"),))
    assert pick(sung(), line=stated)[0].melody.timeline.keys == stated.keys
    default = Timeline(Q, keys=(Key(0, 0, "major"),))
    assert pick(sung(), line=default)[0].melody.timeline.keys == default.keys
    assert pick(sung(4), line=default)[0].melody.timeline.keys == (Key(0, 4, "major"),)

"""A tune that two parts sing in turns is one tune; a second voice that moves with it is not."""

from __future__ import annotations

import numpy as np
import pytest

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.line import columns
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.corpus.pick.score import sureness
from ritornello.corpus.pick.turns import joined, take_turns
from ritornello.corpus.report import REMEDIES
from ritornello.music.values import Note, Part, Piece, Timeline
from ritornello.reports.corpora.explain import as_text, explain_piece

Q = 480
PITCHES = (67, 69, 71, 72, 71, 69, 67, 64, 65, 67, 69, 67, 65, 64, 62, 60)
RHYTHM = (1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 2, 1, 0.5, 0.5, 1, 1, 2, 2)


def phrases(count: int = 6) -> list[list[Note]]:
    """Phrases of sixteen quarters."""
    now, found = 0, []
    for k in range(count):
        found.append([])
        for pitch, length in zip(PITCHES, RHYTHM, strict=True):
            found[-1].append(Note(now, int(length * Q), pitch + (0, 2, 0, -3)[k % 4]))
            now += int(length * Q)
    return found


def part(*lines: list[Note], **metadata) -> Part:
    return Part(tuple(note for line in lines for note in line), **metadata)


def chords(quarters: int) -> Part:
    roots = (48, 53, 55, 48)
    return Part(tuple(Note(2 * Q * k, 2 * Q, roots[k % 4] + i) for k in range(quarters // 2) for i in (0, 4, 7)))


def bass(quarters: int) -> Part:
    return Part(tuple(Note(Q * k, Q, (36, 43)[k % 2]) for k in range(quarters)))


def of_phrases(lines: list[list[Note]], first: str = "", second: str = "", lower: int = 0) -> Piece:
    quarters = sum(note.duration for line in lines for note in line) // Q
    other = [[n._replace(pitch=n.pitch - lower) for n in line] for line in lines[1::2]]
    parts = (chords(quarters), part(*other, name=second), bass(quarters), part(*lines[::2], name=first))
    return Piece(parts, Timeline(Q), "T", source="x.mid")


@pytest.mark.parametrize("lower", [0, 12])
def test_a_tune_whose_phrases_lie_in_two_tracks_is_joined(lower):
    lines = phrases()
    (choice,) = pick_melodies(of_phrases(lines, lower=lower))
    wanted = [n._replace(pitch=n.pitch - lower * (k % 2)) for k, line in enumerate(lines) for n in line]
    assert list(choice.melody.notes) == wanted
    assert set(choice.joined) == {1, 3}
    assert choice.losses == {"other_parts": 2}


def test_a_joined_tune_is_named_in_report_and_explanation():
    (choice,) = pick_melodies(of_phrases(phrases(), "Anna", "Ben"))
    assert dict(choice.warnings)["joined_parts"] == 'part 2 "Ben" and part 4 "Anna" take turns and were joined'
    assert "joined_parts" in REMEDIES
    explained = explain_piece(of_phrases(phrases(), "Anna", "Ben"), BuildOptions())
    assert [p.verdict for p in explained.parts] == ["left", "picked", "left", "picked"]
    assert "picked parts 2 and 4 of 4, which take turns: 96 notes" in as_text(explained)


def test_a_named_tune_is_not_joined_with_what_answers_it():
    (choice,) = pick_melodies(of_phrases(phrases(), "Vocals", "Flute"))
    assert choice.joined == ()
    assert choice.name == "Vocals"


def test_every_part_stays_apart_where_parts_take_turns():
    picked = pick_melodies(of_phrases(phrases()), BuildOptions(pick="every-part"))
    assert [choice.part for choice in picked] == [0, 1, 2, 3]
    assert all(choice.joined == () for choice in picked)


def test_a_second_voice_in_thirds_is_neither_joined_nor_taken_for_the_tune():
    lines = phrases()
    thirds = [n._replace(pitch=n.pitch - 4) for line in lines[:4] for n in line]
    piece = Piece((part(thirds), chords(96), part(*lines)), Timeline(Q), "T", source="x.mid")
    (choice,) = pick_melodies(piece)
    assert (choice.part, choice.joined) == (2, ())


def test_lines_that_sound_together_or_far_apart_take_no_turns():
    lines = phrases()
    one, other = part(*lines[::2]).notes, part(*lines[1::2]).notes
    assert take_turns(columns(one), columns(other), Q)
    assert not take_turns(columns(one), columns(one), Q)
    assert not take_turns(columns(one), columns([n._replace(pitch=n.pitch - 24) for n in other]), Q)
    strummed = [Note(Q * k, Q, 65) for k in range(96) if k % 2]
    assert not take_turns(columns([n._replace(start=n.start - Q) for n in strummed]), columns(strummed), Q)


def test_the_main_line_keeps_its_notes_where_both_sound():
    main = [Note(0, 4, 60), Note(4, 4, 62), Note(16, 4, 64)]
    other = [Note(4, 2, 72), Note(7, 3, 74), Note(10, 4, 76), Note(14, 4, 77), Note(17, 2, 79)]
    wanted = [(0, 4, 60), (4, 3, 62), (7, 3, 74), (10, 4, 76), (14, 2, 77), (16, 4, 64)]
    assert [note[:3] for note in joined(main, other)] == wanted


def test_sureness_rises_with_the_lead_and_is_one_without_rivals():
    values = [sureness(lead, [0.0]) for lead in np.linspace(-2, 12, 50)]
    assert values == sorted(values)
    assert 0.5 < sureness(0, [0.0]) < 0.6
    assert sureness(0, []) == 1.0

"""Four voices that a source only numbers are named as in hymnals, where they are shown and saved."""

from dataclasses import replace

import pytest

import ritornello as rito
from ritornello.music.lines import VOICES, staff_names, with_voices_named
from ritornello.music.values import Note, Part, Piece, Timeline

CHOIR = tuple(
    Part(tuple(Note(480 * n, 480, pitch + step) for n, step in enumerate((0, 2, 4, 0))), name)
    for name, pitch in (("S1V1", 72), ("S1V2", 67), ("S2V1", 60), ("S2V2", 48))
)


def names(parts) -> tuple[str, ...]:
    return tuple(part.name for part in parts)


@pytest.mark.parametrize("numbered", [("",) * 4, ("1", "2", "3", "4"), ("S1", "S1", "S2", "S2"), ("Voice 1",) * 4])
def test_voices_without_names_are_soprano_to_bass(numbered):
    parts = tuple(replace(part, name=name) for part, name in zip(CHOIR, numbered, strict=True))
    assert names(with_voices_named(parts)) == VOICES
    assert [part.notes for part in with_voices_named(parts)] == [part.notes for part in CHOIR]


def chords(part: Part) -> Part:
    return replace(part, notes=tuple(n._replace(pitch=n.pitch + up) for n in part.notes for up in (0, 4, 7)))


@pytest.mark.parametrize(
    "parts",
    [
        (replace(CHOIR[0], name="Descant"), *CHOIR[1:]),
        (replace(CHOIR[0], program=73), *CHOIR[1:]),
        (*CHOIR[:3], replace(CHOIR[3], is_drum=True)),
        CHOIR[::-1],
        CHOIR[:3],
        tuple(map(chords, CHOIR)),
    ],
    ids=["a name", "other instruments", "drums", "rising", "three", "chords"],
)
def test_other_parts_keep_what_they_are_called(parts):
    assert with_voices_named(parts) == parts


def test_an_embedded_hymn_shows_and_saves_the_names_of_its_voices(tmp_path):
    hymn = rito.load_corpus("hymns-voices").music()[0]
    assert names(hymn.parts) == VOICES
    shown = hymn._repr_html_()
    assert all(name in shown for name in VOICES)
    assert "S1V1" not in shown
    hymn.save(tmp_path / "hymn.mid")
    [again] = rito.read(tmp_path / "hymn.mid")
    assert names(again.parts) == VOICES


def test_a_hymn_in_abc_that_numbers_its_voices(tmp_path):
    voices = "".join(
        f"[V: S{1 + n // 2}V{1 + n % 2}] {notes}|\n" for n, notes in enumerate(("cd", "GA", "EF", "C,D,"))
    )
    (tmp_path / "hymn.abc").write_text(f"X:1\nT:Hymn\nM:2/4\nL:1/4\nK:C\n{voices}")
    [hymn] = rito.read(tmp_path / "hymn.abc")
    assert names(hymn.parts) == VOICES


def test_staves_without_a_name_have_their_number_beside_others_that_have_one():
    note, other = (Note(0, 480, 60),), (Note(0, 480, 48),)
    drums = Part((Note(0, 480, 36),), is_drum=True)
    band = Piece((Part(note, "Flute"), drums, Part(other, program=32)), Timeline())
    assert staff_names(band) == (["Flute", "Part 3"], False)
    assert staff_names(Piece((Part(note),), Timeline())) == ([""], False)
    assert staff_names(Piece((Part(note, "Piano"), Part(other, "Piano")), Timeline())) == (["Piano", ""], True)

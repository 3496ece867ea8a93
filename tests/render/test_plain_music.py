"""Plain melodies and pieces, and collections of music, show themselves in a notebook as handles do."""

import re
from html import unescape

import pytest

import ritornello as rito
from ritornello.music.values import Melody, Note, Part, Piece
from ritornello.render.shown import Gallery, show_plain_music

TICKS = 480
SCALE = Melody(tuple(Note(TICKS * n, TICKS, 60 + n) for n in range(4)), title="Up")
FALL = Melody(tuple(Note(TICKS * n, TICKS, 70 - n) for n in range(4)), title="Down")
DUET = Piece((Part(SCALE.notes), Part(FALL.notes)), title="Both")


def shown_titles(html):
    """The titles on the cards of a gallery."""
    return re.findall(r"<h2[^>]*>([^<]*)</h2>", unescape(html))


@pytest.fixture
def shell(monkeypatch):
    """An IPython shell, as a kernel has one."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def formatted(shell, value):
    return shell.display_formatter.format(value)[0]


def test_a_gallery_takes_plain_melodies_and_pieces():
    assert shown_titles(Gallery([SCALE, FALL])._repr_html_()) == ["Up", "Down"]
    assert shown_titles(Gallery({"one": SCALE, "two": DUET})._repr_html_()) == ["one", "two"]
    assert shown_titles(Gallery({1: SCALE}.values())._repr_html_()) == ["Up"]


def test_a_gallery_of_something_else_is_refused_in_a_line():
    with pytest.raises(TypeError, match="a gallery shows melodies, pieces and tunes, not int"):
        Gallery([SCALE, 3]).html(4)


@pytest.mark.parametrize(("music", "words"), [(SCALE, "Melody('Up': 4 notes)"), (DUET, "Piece('Both': 2 parts)")])
def test_a_plain_melody_or_piece_shows_itself(music, words, shell):
    show_plain_music()
    found = formatted(shell, music)
    assert found["text/plain"] == words
    assert "<iframe" in found["text/html"]
    assert "<svg" in found["image/svg+xml"]


@pytest.mark.parametrize(
    "music", [[SCALE, FALL], (SCALE, FALL), {"Up": SCALE, "Down": FALL}, {1: SCALE, 2: FALL}.values()], ids=str
)
def test_a_collection_of_music_is_a_gallery(music, shell):
    show_plain_music()
    assert shown_titles(formatted(shell, music)["text/html"]) == ["Up", "Down"]


@pytest.mark.parametrize("other", [[], (), {}, [1, 2], [SCALE, 1], {"a": 1}, Note(0, 1, 60)], ids=str)
def test_other_collections_are_left_alone(other, shell):
    show_plain_music()
    assert "text/html" not in formatted(shell, other)


def test_nothing_happens_outside_of_a_notebook():
    assert show_plain_music() is None


def test_the_public_names_are_of_the_module_that_shows_them():
    assert (rito.Melody, rito.Piece) == (Melody, Piece)


def test_what_the_program_returns_names_itself_in_a_line(tmp_path):
    model = rito.load_model()
    tune = model.generate(bars=2, seed=1)
    rito.samples(tmp_path / "samples")
    [found] = rito.explain_file(tmp_path / "samples/greensleeves-band.mid")
    handles = [
        model, model.player(), tune, tune.melody, rito.harmonise(tune, seed=1)[0], rito.jam(model, play=tune, seed=1),
        rito.read(tmp_path / "samples/greensleeves-band.mid")[0], rito.load_corpus("hymns"), found,
    ]  # fmt: skip
    assert [len(repr(handle)) < 250 and "\n" not in repr(handle) for handle in handles] == [True] * len(handles)
    assert "object at 0x" not in repr(handles)
    assert repr(found).endswith("greensleeves-band.mid': 5 parts, 1 melody picked)")


def test_a_tune_is_music_in_memory_as_a_melody_is():
    tune = rito.load_model().generate(bars=2, seed=1)
    other = rito.load_model().generate(bars=4, seed=2).harmonise(seed=1)[0]
    corpus = rito.build_corpus([tune, other], least_notes=2, min_bars=1)
    assert len(corpus) == 2
    assert rito.load_model().evaluate(tune)["notes"] == len(tune.melody.notes)

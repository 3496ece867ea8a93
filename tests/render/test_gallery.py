"""Several melodies in one cell: a frame, a card and a player each; handles that show themselves."""

import re
from html import unescape

import pytest
from chromium import LOUDEST, offline_chromium, wait_until

import ritornello as rito
from ritornello.music.values import Melody, Note, Part, Piece, Tempo, Timeline
from ritornello.render.gallery import MOST_SECONDS, gallery_html, shown_first
from ritornello.render.shown import MOST_CARDS, Gallery, ShownMelody, ShownPiece


def scale(title: str, notes: int = 8) -> ShownMelody:
    """Quarters up from C4, at 120 a minute."""
    pitches = [60 + 2 * n % 12 for n in range(notes)]
    line = tuple(Note(480 * n, 480, pitch, 90) for n, pitch in enumerate(pitches))
    return ShownMelody(line, Timeline(480, 480 * notes, tempos=(Tempo(0, 120.0),)), title)


def inner(cell: str) -> str:
    """The document inside the cell's only frame."""
    [content] = re.findall(r"<iframe [^>]*srcdoc='([^']*)'", cell)
    return unescape(content)


def cards(cell: str) -> int:
    return inner(cell).count('<article class="tune compact"')


def test_a_list_of_melodies_is_one_frame_with_a_player_each():
    cell = Gallery([scale("One"), scale("Two")])._repr_html_()
    assert cards(cell) == inner(cell).count("<audio ") == 2
    assert "<h2>One</h2>" in inner(cell)
    assert "<h2>Two</h2>" in inner(cell)
    assert "2 melodies" in inner(cell)


def test_of_a_long_list_the_first_are_shown_and_how_to_see_more():
    cell = Gallery([scale(f"Tune {n}", 4) for n in range(MOST_CARDS + 5)])._repr_html_()
    assert cards(cell) == MOST_CARDS
    assert f"{MOST_CARDS} of {MOST_CARDS + 5} melodies" in inner(cell)
    assert f"[{MOST_CARDS}:{2 * MOST_CARDS}]" in inner(cell)


def test_long_melodies_are_fewer_but_never_none():
    assert shown_first([MOST_SECONDS / 2] * 5) == 2
    assert shown_first([2 * MOST_SECONDS, 1.0]) == 1


def test_a_slice_is_a_gallery_and_an_item_its_melody():
    tunes = Gallery([scale("One"), scale("Two"), scale("Three")], "songs")
    assert isinstance(tunes[1:], Gallery)
    assert tunes[1:].name == "songs"
    assert tunes[1].title == "Two"
    assert tunes == list(tunes)


def test_a_long_gallery_has_a_short_repr():
    text = repr(Gallery([scale(f"Tune {n}") for n in range(1000)]))
    assert text == "[Melody('Tune 0': 8 notes), Melody('Tune 1': 8 notes), Melody('Tune 2': 8 notes) and 997 more]"


def test_an_empty_list_shows_its_repr_alone():
    assert Gallery()._repr_html_() is None
    assert repr(Gallery()) == "[]"


def test_twenty_tunes_of_eight_bars_stay_small():
    cell = Gallery([scale(f"Tune {n}", 32) for n in range(20)])._repr_html_()
    assert len(cell) < 3_500_000


def test_a_title_is_text_and_no_markup():
    cell = gallery_html([scale("<b>bold</b>").exhibit()], 1)
    assert "<b>bold</b>" not in inner(cell)
    assert "&lt;b&gt;bold&lt;/b&gt;" in inner(cell)


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """A gallery of two in headless Chromium with the network off, as on a phone."""
    folder = tmp_path_factory.mktemp("gallery")
    cell = Gallery([scale("One"), scale("Two")])._repr_html_()
    (folder / "cell.html").write_text(f"<!doctype html><meta charset=utf-8><body>{cell}", encoding="utf-8")
    with offline_chromium(folder) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto((folder / "cell.html").as_uri(), wait_until="domcontentloaded")
        [only] = [frame for frame in page.frames if frame != page.main_frame]
        only.wait_for_selector(".tune.ready")
        yield only


def test_each_card_plays_and_the_other_falls_silent(frame):
    frame.get_by_role("button", name="Play One").click()
    assert frame.evaluate(LOUDEST, 0.8) > 0.02
    frame.get_by_role("button", name="Play Two").click()
    wait_until(frame, "document.querySelector('audio').paused")  # when the other one begins to play
    first, second = frame.evaluate("[...document.querySelectorAll('audio')].map((a) => a.paused)")
    assert (first, second) == (True, False)


def test_the_staff_is_behind_a_click(frame):
    staff = frame.locator("svg.staff").first
    assert not staff.is_visible()
    frame.locator("summary").first.click()
    assert staff.is_visible()


def test_nothing_is_wider_than_the_phone(frame):
    assert frame.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_every_handle_shows_itself(little_model, tmp_path):
    corpus = rito.load_corpus("hymns")
    model = rito.load_model(little_model)
    tunes = model.generate(n=2, bars=2, seed=1)
    tunes[0].save(tmp_path / "tune.mid")
    pieces = rito.read(tmp_path / "tune.mid")
    shown = [corpus, corpus.melodies()[:2], corpus.melodies()[0], model, tunes, tunes[0], tunes[0].melody]
    harmonies = rito.harmonise("C4 E4 G4:2", n=2, seed=1)
    for handle in (*shown, pieces, pieces[0], harmonies, harmonies[0]):
        assert handle._repr_html_().startswith("<iframe "), handle
        assert len(repr(handle)) < 400


def test_a_list_with_a_piece_that_cannot_sound_shows_its_repr_alone():
    drums = ShownPiece((Part((Note(0, 480, 36),), is_drum=True),), Timeline(480, 480), "Beat")
    assert Gallery([drums])._repr_html_() is None
    assert repr(Gallery([drums])) == "[Piece('Beat': 1 part)]"


def test_titles_are_given_by_a_mapping_and_kept_by_slices():
    tunes = Gallery({"cold": scale("One"), "warm": scale("Two"), "hot": scale("Three")})
    assert "<h2>warm</h2>" in inner(tunes._repr_html_())
    assert "<h2>hot</h2>" in inner(tunes[1:]._repr_html_())
    assert "cold" not in inner(tunes[1:]._repr_html_())


def test_a_run_shows_its_curves(tmp_path):
    run = rito.train("hymns", tmp_path / "run", preset="tiny", encoding="grid", updates=4, engine="numpy")
    cell = run._repr_html_()
    assert "<svg " in cell
    assert "bits per note" in cell


def test_a_piece_shows_a_staff_and_a_colour_for_each_part_and_plays_them_together(tmp_path):
    chord = (Note(0, 480, 60, 90), Note(0, 480, 64, 90))
    parts = (Part(chord, "Piano"), Part((Note(0, 480, 40, 90),), is_drum=True), Part((Note(0, 960, 48, 90),)))
    piece = ShownPiece(parts, Timeline(480, 960), "Two hands")
    assert [line.title for line in piece.lines()] == ["Piano", "Two hands, part 3"]
    assert [note.pitch for note in piece.lines()[0].notes] == [64]
    cell = inner(piece._repr_html_())
    assert cell.count("<audio") == 1
    assert cell.count('data-note="1:0"') == 3  # in the wide and the narrow staves, and in the roll
    assert cell.count('data-note="0:0"') == 3  # the highest of its chord, which the other note lies in the roll with
    assert cell.count('data-note="0:"') == 1
    assert 'fill="#9c3d2b"' in cell
    assert 'fill="#2f6f9f"' in cell
    assert "<li>Piano: Bar 1" in cell
    piece.save(tmp_path / "piece.mid")
    with pytest.raises(ValueError, match="a part holds chords; save it as"):
        piece.save(tmp_path / "piece.musicxml")
    assert piece == Piece(parts, Timeline(480, 960), "Two hands")


def test_a_shown_melody_equals_the_melody_of_its_values():
    melody = Melody((Note(0, 480, 60, 90),), Timeline(480, 480), "One")
    assert ShownMelody.of(melody) == melody


def test_the_slice_that_a_corpus_names_shows_more():
    corpus, asked = rito.load_corpus("hymns"), re.compile(r"a slice such as (\.music\(\))?\[(\d+):(\d+)\] shows more")
    of_corpus, of_list = (asked.search(unescape(each._repr_html_())) for each in (corpus, corpus.melodies()))
    assert (of_corpus[1], of_list[1]) == (".music()", None)  # a corpus has no slices, its music has
    assert len(corpus.music()[int(of_corpus[2]) : int(of_corpus[3])]) == int(of_corpus[2])

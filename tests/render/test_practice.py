"""What a player offers besides playing: loop, tempo, metronome, keys; and the melody in words and as ABC."""

from dataclasses import replace
from fractions import Fraction

import pytest
from chromium import offline_chromium, wait_until

from ritornello.music.chords import read_chord
from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline
from ritornello.render.page import Exhibit, beat_times, frame_html
from ritornello.render.save import exhibit_of
from ritornello.render.words import bars_in_words


def quarters(*lengths: str, metres: tuple[Metre, ...] = (Metre(0, 4, 4),), keys: tuple[Key, ...] = ()) -> Melody:
    """Notes G4 upwards by semitones, of these lengths in quarters; "r1" is a rest."""
    notes, at = [], Fraction(0)
    for length in lengths:
        duration = Fraction(length.removeprefix("r"))
        if not length.startswith("r"):
            notes.append(Note(int(at * 480), int(duration * 480), 67 + len(notes), 90))
        at += duration
    return Melody(tuple(notes), Timeline(480, int(at * 480), metres, keys, (Tempo(0, 120.0),)), "Practice")


def test_bars_are_read_with_metre_key_values_and_ties():
    melody = quarters("1", "1/2", "1/2", "2", "5", "r1", "3/2", "1/2", keys=(Key(0, 1),))
    assert bars_in_words(melody) == [
        "Bar 1, 4/4, G major: G4 quarter, G sharp4 eighth, A4 eighth, A sharp4 half",
        "Bar 2: B4 whole",
        "Bar 3: tied B4 quarter, quarter rest, C5 dotted quarter, C sharp5 eighth",
    ]


def test_a_pick_up_and_a_bar_of_rest_are_named():
    melody = quarters("1", "r3", "3", metres=(Metre(0, 3, 4), Metre(480, 3, 4)), keys=(Key(0, 0),))
    assert [words.partition(":")[0] for words in bars_in_words(melody)] == ["Pick-up, 3/4, C major", "Bar 1", "Bar 2"]
    assert bars_in_words(melody)[1] == "Bar 1: rest for the bar"


def test_a_triplet_is_read_as_one():
    [bar] = bars_in_words(quarters("1/3", "1/3", "1/3", "3", keys=(Key(0, 1),)))
    assert "G4 triplet eighth, G sharp4 triplet eighth, A4 triplet eighth" in bar


@pytest.mark.parametrize(
    ("chords", "metre", "heads"),
    [
        (((0, "C"), (480, "Am"), (1920, "G7/B")), (4, 4), ["chords C, Am from beat 2", "chord G7/B"]),
        (((240, "F#m7"),), (4, 4), ["chord F#m7 after beat 1", ""]),
        (((0, "C"), (720, "N.C.")), (6, 8), ["chords C, N.C. from eighth 4", ""]),
    ],
)
def test_chords_are_read_where_they_begin(chords, metre, heads):
    melody = quarters("6", metres=(Metre(0, *metre),), keys=(Key(0, 0),))
    melody = replace(melody, chords=tuple((tick, read_chord(name)) for tick, name in chords))
    said = [words.partition(":")[0] for words in bars_in_words(melody)]
    assert [head.partition("C major, ")[2] or head.partition(", ")[2] for head in said] == heads


@pytest.mark.parametrize(
    ("melody", "beats"),
    [
        (quarters("4"), [(0.0, True), (0.5, False), (1.0, False), (1.5, False)]),
        (quarters("3", metres=(Metre(0, 6, 8),)), [(0.0, True), (0.75, False)]),
        (quarters("1", "2", metres=(Metre(0, 2, 4), Metre(480, 2, 4))), [(0.0, False), (0.5, True), (1.0, False)]),
    ],
)
def test_beats_are_those_of_the_metre(melody, beats):
    assert beat_times(melody) == beats


def test_a_page_holds_the_melody_as_abc():
    assert "K:G" in frame_html(Exhibit(quarters("4", keys=(Key(0, 1),))))


@pytest.fixture
def frame(tmp_path):
    """One melody of two seconds in headless Chromium, with the network off and a count of the metronome's clicks."""
    path = tmp_path / "one.html"
    path.write_text(frame_html(exhibit_of(quarters("1", "1", "1", "1"))), encoding="utf-8")
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        page.add_init_script(
            "window.clicks = []; const start = OscillatorNode.prototype.start;"
            "OscillatorNode.prototype.start = function () { clicks.push(this.frequency.value); start.call(this); };"
        )
        page.goto(path.as_uri())
        page.wait_for_selector(".tune.ready")
        yield page


def test_the_metronome_clicks_on_beats_and_higher_on_the_first(frame):
    frame.get_by_role("button", name="metronome").click()
    frame.get_by_role("button", name="Play Practice").click()
    wait_until(frame, "document.querySelector('audio').currentTime > 1.7")
    first, *others = frame.evaluate("clicks")
    assert first > max(others)
    assert 1 <= len(others) <= 3  # a machine under load may miss one


def test_a_loop_begins_again_at_the_end(frame):
    frame.get_by_role("button", name="loop").click()
    frame.evaluate("document.querySelector('audio').addEventListener('ended', () => { window.over = true; })")
    frame.get_by_label("Tempo of Practice").select_option("1.5")
    frame.get_by_role("button", name="Play Practice").click()
    wait_until(frame, "window.over")
    wait_until(frame, "!document.querySelector('audio').paused")
    assert frame.evaluate("document.querySelector('audio').playbackRate") == 1.5


def test_the_keyboard_plays_pauses_and_moves(frame):
    frame.locator(".tune").focus()
    frame.keyboard.press("Space")
    wait_until(frame, "!document.querySelector('audio').paused")
    frame.keyboard.press("Space")
    wait_until(frame, "document.querySelector('audio').paused")
    before = frame.evaluate("document.querySelector('audio').currentTime")
    frame.keyboard.press("ArrowRight")
    wait_until(frame, f"document.querySelector('audio').currentTime > {before} + 0.5")


def test_words_and_abc_are_there_for_who_cannot_see(frame):
    words = frame.get_by_role("list", name="The notes of Practice, bar by bar")
    assert words.inner_text().startswith("Bar 1, 4/4")
    frame.get_by_text("As ABC").click()
    assert frame.locator(".abc pre").is_visible()

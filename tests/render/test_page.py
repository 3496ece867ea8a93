"""The page and the notebook frame: what they hold, and what they do in a real browser with the network off."""

import base64
import html
import json
import re
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from chromium import LOUDEST, offline_chromium, wait_until

from ritornello.music.values import Key, Melody, Metre, Note, Tempo, Timeline
from ritornello.render.page import Exhibit, frame_html, notebook_html, page_html

pytest.importorskip("verovio")

RATE = 44100

# one note a second, with silence between: starts are easy to find in the sound
FIRST = Melody(
    tuple(Note(960 * i, 480, p) for i, p in enumerate([60, 67, 64, 72, 65, 62])),
    Timeline(length=5760, keys=(Key(0, 0),)),
    title="First & best",
)
SECOND = Melody(
    (Note(0, 240, 67), *(Note(240 + 480 * i, 480, 72 - i) for i in range(6))),
    Timeline(metres=(Metre(0, 6, 8), Metre(240, 6, 8)), tempos=(Tempo(0, 90),)),
    title="Second",
)


@cache
def sound(melody: Melody, kind: str) -> bytes:
    """A sound file of the melody made without the sampler: each note a tone that begins at once."""
    soundfile = pytest.importorskip("soundfile")
    seconds = melody.timeline.seconds(melody.timeline.length) + 0.5
    wave = np.zeros(int(seconds * RATE), np.float32)
    for note in melody.notes:
        start, end = (round(melody.timeline.seconds(t) * RATE) for t in (note.start, note.end))
        time = np.arange(end - start) / RATE
        wave[start:end] = 0.5 * np.cos(2 * np.pi * 440 * 2 ** ((note.pitch - 69) / 12) * time) * np.exp(-4 * time)
    file = BytesIO()
    soundfile.write(file, wave, RATE, format=kind)
    return file.getvalue()


def exhibits() -> list[Exhibit]:
    first = Exhibit(
        FIRST,
        sound(FIRST, "OGG"),
        figures={"bits per note": 5.625, "longest run": "7 notes"},
        files={"a.mid": b"MThd"},
    )
    return [first, Exhibit(SECOND, sound(SECOND, "MP3"), "audio/mpeg", probabilities=[0.5] * 7)]


@pytest.fixture(scope="module")
def page() -> str:
    return page_html(exhibits(), "Two <melodies>", "Made & played.", {"notes": 154312, "n-gram": 6.49})


def test_titles_words_and_facts_are_there_and_escaped(page):
    assert "<title>Two &lt;melodies&gt;</title>" in page
    assert "Made &amp; played." in page
    assert "<h2>First &amp; best</h2>" in page
    for value in ("154,312", "6.49", "5.62", "7 notes"):
        assert f">{value}</dd>" in page


def test_a_line_tells_metre_key_tempo_and_length(page):
    lines = [html.unescape(re.sub("<[^>]*>", "", line)) for line in re.findall(r'<p class="meta">(.*?)</p>', page)]
    assert lines == ["4/4 · C major · ♩ = 120 · 3 bars", "6/8 · ♩. = 60 · 2 bars"]


def test_nothing_is_fetched(page):
    links = re.findall(r'(?:src|href|action|poster)="([^"]*)"', page)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "default-src 'none'" in page


def test_files_are_saved_from_data_urls(page):
    saved = dict(re.findall(r'<a download="([^"]*)" href="data:[^,]*,([^"]*)"', page))
    assert base64.b64decode(saved["a.mid"]) == b"MThd"
    assert base64.b64decode(saved["first-best.musicxml"]).startswith(b"<?xml")
    assert base64.b64decode(saved["second.mid"]).startswith(b"MThd")
    assert "first-best.mid" not in saved  # its own is there


def test_the_sound_is_inside_unchanged(page):
    urls = re.findall(r'<audio [^>]*src="data:([^;]*);base64,([^"]*)"', page)
    assert [(mime, base64.b64decode(data)) for mime, data in urls] == [(e.audio_mime, e.audio) for e in exhibits()]


def test_without_sound_there_is_no_player():
    document = frame_html(Exhibit(FIRST))
    assert "<audio" not in document
    assert 'class="staff"' in document
    assert 'class="roll' in document


def test_surprise_comes_with_a_legend(page):
    assert page.count('class="legend"') == 1


def test_the_notebook_cell_is_one_sandboxed_frame_of_fixed_height():
    cell = notebook_html(Exhibit(FIRST, sound(FIRST, "OGG"), figures={"a": 1}))
    assert cell.count("<iframe") == 1
    assert 'sandbox="allow-scripts allow-downloads"' in cell
    assert "allow-same-origin" not in cell
    assert 300 < int(re.search(r"height:(\d+)px", cell)[1]) < 900
    inner = html.unescape(re.search(r"srcdoc='([^']*)'", cell)[1])
    assert inner == frame_html(Exhibit(FIRST, sound(FIRST, "OGG"), figures={"a": 1}))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium with the network off and a profile of its own."""
    with offline_chromium(tmp_path_factory.mktemp("profile"), viewport={"width": 1100, "height": 900}) as context:
        yield context


class Tab:
    """A tab that writes down what went wrong and what it asked for."""

    def __init__(self, browser, path: Path) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda r: self.requests.append(r.url) if not r.url.startswith("data:") else None)
        self.page.goto(path.as_uri())

    def players(self, frame=None) -> list[tuple[float, bool]]:
        """Time and whether it plays, of every sound of a document."""
        script = "[...document.querySelectorAll('audio')].map(a => [a.currentTime, !a.paused])"
        return [tuple(p) for p in (frame or self.page).evaluate(script)]


@pytest.fixture
def tab(browser, page, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(page, encoding="utf-8")
    opened = Tab(browser, path)
    yield opened
    opened.page.close()


ONSETS = """async ([index, starts]) => {
  const data = document.querySelectorAll('audio')[index].src.split(',')[1];
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const wave = (await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes.buffer)).getChannelData(0);
  // the first loud sample within 200 ms of silence before each note and half of its sound
  return starts.map((start) => {
    for (let i = Math.max(0, Math.round((start - 0.2) * 44100)); i < wave.length; i += 1) {
      if (Math.abs(wave[i]) > 0.2) return i / 44100;
    }
    return null;
  });
}"""


def cursor_x(tab: Tab, index: int) -> float:
    return float(
        tab.page.locator(".cursor").nth(index).get_attribute("transform").removeprefix("translate(").split(" ")[0]
    )


def test_it_opens_from_disk_without_a_complaint_or_a_request(tab):
    tab.page.wait_for_selector(".tune.ready")
    assert tab.complaints == []
    assert tab.requests == [tab.page.url]


def test_play_sounds_and_moves_the_cursor_and_lights_the_note(tab):
    before = cursor_x(tab, 0)
    tab.page.get_by_role("button", name="Play First & best").click()
    peak = tab.page.evaluate(LOUDEST, 1.3)
    assert peak > 0.1
    time, playing = tab.players()[0]
    assert playing
    assert time > 0.5
    assert cursor_x(tab, 0) > before
    assert tab.page.locator(".tune").first.locator(".roll .note.sounding").count() <= 1
    tab.page.get_by_role("button", name="Pause First & best").click()
    assert not tab.players()[0][1]
    assert tab.complaints == []


def test_the_note_under_the_cursor_is_lit_on_staff_and_roll(tab):
    tab.page.locator(".seek").first.fill("2.2")
    tune = tab.page.locator(".tune").first
    wait_until(tab.page, "document.querySelector('.note.sounding')")
    lit = tune.locator(".note.sounding").evaluate_all("signs => signs.map(s => s.dataset.note)")
    assert set(lit) == {"2"}
    assert len(lit) == 3  # the wide staff, the narrow one and the roll
    assert tune.locator(".now").text_content() == "0:02"


def test_the_second_player_stops_the_first(tab):
    tab.page.locator(".play").nth(0).click()
    wait_until(tab.page, "!document.querySelectorAll('audio')[0].paused")
    tab.page.locator(".play").nth(1).click()
    wait_until(tab.page, "!document.querySelectorAll('audio')[1].paused")
    wait_until(tab.page, "document.querySelectorAll('audio')[0].paused")
    assert [playing for _, playing in tab.players()] == [False, True]


def test_a_click_on_the_roll_seeks_there(tab):
    note = tab.page.locator(".tune").first.locator('.roll .note[data-note="3"]')
    box = note.bounding_box()
    tab.page.mouse.click(box["x"] + 1, box["y"] + box["height"] / 2)
    assert tab.players()[0][0] == pytest.approx(3.0, abs=0.05)


def test_the_keyboard_reaches_play_and_position(tab):
    tab.page.locator(".play").first.focus()
    tab.page.keyboard.press("Enter")
    wait_until(tab.page, "!document.querySelector('audio').paused")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Tab")
    before = tab.players()[0][0]
    tab.page.keyboard.press("PageUp")
    assert tab.players()[0][0] > before


@pytest.mark.parametrize(("index", "melody"), [(0, FIRST), (1, SECOND)])
def test_decoded_notes_begin_within_five_milliseconds(tab, index, melody):
    # after the first, notes of the second melody follow without silence: only its first can be found by loudness
    notes = melody.notes if index == 0 else melody.notes[:1]
    starts = [melody.timeline.seconds(n.start) for n in notes]
    found = tab.page.evaluate(ONSETS, [index, starts])
    assert found == pytest.approx(starts, abs=0.005)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1100, "dark")])
def test_it_fits_a_phone_and_the_staff_keeps_its_white_paper(tab, width, scheme):
    tab.page.set_viewport_size({"width": width, "height": 800})
    tab.page.emulate_media(color_scheme=scheme)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    paper = tab.page.locator(".paper").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert min(int(n) for n in re.findall(r"\d+", paper)) > 220
    assert tab.page.locator("svg.staff:visible").count() == 2


def test_an_executed_notebook_exported_to_html_draws_and_plays(browser, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    pytest.importorskip("ipykernel")
    for name, melody in (("first", FIRST), ("second", SECOND)):
        (tmp_path / f"{name}.html").write_text(notebook_html(Exhibit(melody, sound(melody, "OGG"))), encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell(f"from IPython.display import HTML\nHTML(filename={name!r})")
        for name in ("first.html", "second.html")
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    exported, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    path = tmp_path / "notebook.html"
    path.write_text(exported, encoding="utf-8")

    tab = Tab(browser, path)
    frames = [f for f in tab.page.frames if f != tab.page.main_frame]
    assert len(frames) == 2
    for frame in frames:
        frame.wait_for_selector(".tune.ready")
        assert frame.locator("svg.staff:visible .note").count() > 5
    frames[0].locator(".play").click()
    wait_until(frames[0], "document.querySelector('audio').currentTime > 0.3")
    assert frames[0].evaluate(LOUDEST, 0.8) > 0.1
    frames[1].locator(".play").click()  # the frames know of each other, though the sandbox keeps them apart
    wait_until(frames[0], "document.querySelector('audio').paused")
    assert tab.players(frames[1])[0][1]
    heights = [f.evaluate("[document.documentElement.scrollHeight, innerHeight]") for f in frames]
    assert all(inner <= room for inner, room in heights), json.dumps(heights)
    tab.page.close()

"""What composes shows itself in a notebook: in one frame, alone, that is no larger than was promised."""

import re
from html import unescape

import pytest

import ritornello as rito

EIGHT_BARS, A_SECOND = 400_000, 20_000  # bytes; a second beyond the sixteen of eight bars of 4/4 at 120
CHORDS = "C | Am | F | G7 | C | Am | F G7 | C"
SHOWN = {  # by model and what is asked of it
    "a melody": ("hymns-and-songs", {"bars": 8}),
    "a melody with chords": ("hymns-and-songs", {"chords": CHORDS}),
    "broken chords": ("hymns-and-songs", {"chords": CHORDS, "comp": "broken"}),
    "a form": ("hymns-and-songs", {"form": "AA'BA'"}),
    "four voices": ("four-voices", {}),
    "a performance": ("songs-piano", {"seconds": 10, "notes_per_second": "8"}),
    "letters": ("letters", {"bars": 8}),
}


@pytest.fixture(scope="module", params=SHOWN)
def cell(request):
    """The cell of something composed, and its seconds."""
    name, options = SHOWN[request.param]
    tune = rito.load_model(name).generate(seed=1, **options)
    return tune._repr_html_(), tune.melody.timeline.seconds(tune.melody.timeline.length)


def test_it_is_one_frame_with_a_player_that_fetches_nothing(cell):
    [content] = re.findall(r"<iframe [^>]*srcdoc='([^']*)'></iframe>", cell[0])
    inside = unescape(content)
    assert inside.count("<audio ") == 1
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", inside)
    assert not re.search(r"https?://(?!www\.w3\.org)", inside)


def test_it_stays_under_its_size(cell):
    html, seconds = cell
    assert len(html.encode()) < EIGHT_BARS + A_SECOND * max(0, seconds - 16)


def test_eight_bars_with_chords_are_as_small_as_without(cell, request):
    if "chords" in request.node.callspec.params["cell"] or request.node.callspec.params["cell"] == "a melody":
        assert len(cell[0].encode()) < EIGHT_BARS


def test_what_cannot_be_seen_is_read(cell):
    inside = unescape(re.search(r"srcdoc='([^']*)'", cell[0])[1])
    read = re.search(r'<ol class="unseen" aria-label="The notes of [^"]*, bar by bar">(.*?)</ol>', inside)[1]
    assert read.count("<li>") >= 4

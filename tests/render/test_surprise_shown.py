"""What surprised the model is seen on the staff as on the roll, where a click or a key asks for it."""

import re
from dataclasses import replace

import pytest
from chromium import offline_chromium

from ritornello.music.values import Melody, Note
from ritornello.render.page import Exhibit, frame_html
from ritornello.render.roll import surprise_colour
from ritornello.render.staff import staff_svg

QUARTERS = Melody(tuple(Note(480 * i, 480, 60 + i) for i in range(8)), title="Up")
LIKELY = (0.9, 0.9, 0.01, 0.9, 0.2, 0.9, 0.9, 0.01)
COLOUR = "sign => getComputedStyle(sign.querySelector('.notehead')).color"


def test_each_note_of_the_staff_carries_its_colour():
    colours = [surprise_colour(share) for share in LIKELY]
    svg = staff_svg(QUARTERS, surprise=colours, primer_notes=2)
    found = re.findall(r'data-note="(\d+)" class="note judged( primer)?"[^>]* style="--surprise:(#\w+)"', svg)
    assert [(int(n), bool(primer), colour) for n, primer, colour in found] == [
        (n, n < 2, colour) for n, colour in enumerate(colours)
    ]
    assert "judged" not in staff_svg(QUARTERS)


@pytest.fixture(scope="module", params=[False, True], ids=["black at first", "coloured at first"])
def shown(request, tmp_path_factory):
    """A frame in headless Chromium with the network off, and whether its staff begins in colours."""
    folder = tmp_path_factory.mktemp("surprise")
    item = replace(Exhibit(QUARTERS, probabilities=LIKELY), is_tinted=request.param)
    (folder / "one.html").write_text(frame_html(item), encoding="utf-8")
    with offline_chromium(folder / "profile") as context:
        page = context.new_page()
        page.emulate_media(reduced_motion="reduce")  # colours change at once
        page.goto((folder / "one.html").as_uri())
        yield page, request.param


def test_a_click_or_a_key_colours_the_staff_and_makes_it_black_again(shown):
    page, is_tinted = shown
    button = page.get_by_role("button", name="colour the staff")
    signs = page.locator(".wide svg.staff .note.judged")
    for way in ("click", "key"):
        assert button.get_attribute("aria-pressed") == str(is_tinted).lower()
        colours = signs.evaluate_all(f"signs => signs.map({COLOUR})")
        assert (len(set(colours)) == len(set(LIKELY))) == is_tinted
        assert (len(set(colours)) == 1) != is_tinted
        button.click() if way == "click" else page.keyboard.press("Enter")
        is_tinted = not is_tinted

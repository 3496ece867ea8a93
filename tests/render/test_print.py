"""On paper: white ground, staff and roll, and nothing that only a click can use."""

from chromium import offline_chromium

from ritornello.music.values import Melody, Note
from ritornello.render.page import Exhibit, page_html

QUARTERS = Melody(tuple(Note(480 * i, 480, 60 + i) for i in range(8)), title="Up")


def test_a_printed_page_has_the_music_and_no_buttons(tmp_path):
    page_path = tmp_path / "tune.html"
    exhibit = Exhibit(QUARTERS, probabilities=(0.9, 0.9, 0.01, 0.9, 0.2, 0.9, 0.9, 0.01))
    page_path.write_text(page_html([exhibit], "Tunes"), encoding="utf-8")
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(page_path.as_uri())
        button = page.get_by_role("button", name="colour the staff")
        assert button.is_visible()
        page.emulate_media(media="print")
        assert not button.is_visible()
        assert page.locator(".wide svg.staff").first.is_visible()
        assert page.locator(".roll").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

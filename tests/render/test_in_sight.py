"""What a cell of a notebook shows is in sight: a card in its frame, play below a long tune, a legend on a phone."""

import pytest
from chromium import offline_chromium

import ritornello as rito
from ritornello.music.values import Melody, Note
from ritornello.render.page import Exhibit, notebook_html


def test_the_card_of_a_model_fits_its_frame(little_model, tmp_path):
    cell = rito.load_model(little_model)._repr_html_()
    (tmp_path / "cell.html").write_text(f"<!doctype html><meta charset=utf-8><body>{cell}", encoding="utf-8")
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        page.set_viewport_size({"width": 860, "height": 800})
        page.goto((tmp_path / "cell.html").as_uri())
        [only] = [frame for frame in page.frames if frame != page.main_frame]
        only.locator(".tune").wait_for()
        assert only.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.fixture(params=[350, 1000], ids=["phone", "laptop"])
def tall(request, tmp_path):
    """A tune of forty bars with its surprise in a cell, in headless Chromium with the network off."""
    folder = tmp_path
    melody = Melody(tuple(Note(480 * n, 480, 60 + n % 12) for n in range(160)), title="Long")
    cell = notebook_html(Exhibit(melody, b"", probabilities=[0.5] * 160))
    (folder / "cell.html").write_text(f"<!doctype html><meta charset=utf-8><body>{cell}", encoding="utf-8")
    with offline_chromium(folder / "profile") as context:
        page = context.new_page()
        page.set_viewport_size({"width": request.param, "height": 800})
        page.goto((folder / "cell.html").as_uri(), wait_until="domcontentloaded")
        [only] = [frame for frame in page.frames if frame != page.main_frame]
        only.locator(".tune.ready").wait_for()
        yield only


IN_SIGHT = """sign => {
  const box = sign.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const room = sign.closest(".legend, .player").getBoundingClientRect();
  return box.right <= room.right && box.bottom <= innerHeight && sign.contains(top);
}"""


def test_play_is_in_sight_however_long_the_tune(tall):
    assert tall.evaluate("document.documentElement.scrollHeight > innerHeight")
    assert tall.locator(".play").evaluate(IN_SIGHT)


def test_the_legend_s_button_is_whole(tall):
    button = tall.get_by_role("button", name="colour the staff")
    button.evaluate("sign => sign.scrollIntoView({block: 'center'})")
    assert button.evaluate(IN_SIGHT)

"""Several drafts of a tune: the best ranked is taken; listeners keep some, in Python, the shell or a page."""

import dataclasses
import json
import zipfile
from pathlib import Path

import pytest
from chromium import offline_chromium

import ritornello as rito
from ritornello.api.drafts import DRAFT_STRIDE
from ritornello.cli import main
from ritornello.cli.tunes.generate import parse_keep
from ritornello.evaluate.ranking import PEOPLE, WEIGHTS, form_figures, rank, within
from ritornello.generate.primer import parse_notes


@pytest.fixture(scope="module")
def tunes(tmp_path_factory):
    """Two tunes, the best of three drafts each, in a folder."""
    return rito.load_model("hymns").generate(
        n=2, seed=1, bars=4, best_of=3, out=tmp_path_factory.mktemp("tunes"), formats=("mid", "abc")
    )


def test_the_best_ranked_draft_is_taken_and_it_is_said_why(tunes):
    for tune in tunes:
        assert len(tune.drafts) == 3
        assert tune.rank.score == max(draft["score"] for draft in tune.drafts)
        assert set(tune.rank.scores) == set(WEIGHTS)
        assert f"{tune.rank.score:.2f}" in tune.figures["best of 3 drafts"]
        assert "--best-of 3" in tune.imprint.origin


def test_the_first_draft_is_the_tune_without_drafts(tunes):
    alone = rito.load_model("hymns").generate(n=2, seed=1, bars=4)
    for tune, plain in zip(tunes, alone, strict=True):
        if tune.rank.to_dict() == {k: tune.drafts[0][k] for k in ("score", "figures", "scores")}:
            assert tune.melody == plain.melody
    assert DRAFT_STRIDE * 64 <= 1 << 30  # below the dice of headings


def test_each_figure_scores_by_peoples_percentiles():
    assert [within(value, (0, 10, 20, 30)) for value in (-1, 0, 5, 10, 20, 25, 31)] == [0, 0, 0.5, 1, 1, 0.5, 0]
    good = parse_notes("C4 E4 G4 E4 D4 F4 A4 F4 E4 G4 C5 G4 E4 D4 C4:2")
    bad = parse_notes("C4 C6 C4 C6 F#4 C4 C6 C4 D4 D4 D4 D4:1/2")
    figures = form_figures(good)
    assert figures["range"] == 12
    assert figures["ending"] == 1
    first, second = rank([good, bad], [3.0, 3.0], [4, 30])
    assert first.score > second.score
    assert second.scores["novelty"] == 0
    assert "novelty" not in rank([good], [3.0])[0].scores
    assert set(PEOPLE) <= set(WEIGHTS)


def test_kept_tunes_are_written_down_and_counted(tunes, tmp_path):
    log = tmp_path / "kept.jsonl"
    assert tunes.keep(2, log=log) == [tunes[1]]
    tunes.keep(1, 2, log=log)  # a change of mind
    assert rito.acceptance(log) == {"requests": 1, "tunes": 2, "kept": 2, "share": 1.0}
    tunes.keep(log=log)
    assert rito.acceptance(tmp_path)["kept"] == 0
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["kept"] for line in lines] == [[2], [1, 2], []]
    assert lines[0]["files"] == ["seed1-002.mid"]
    with pytest.raises(ValueError, match="there are tunes 1 to 2, not 3"):
        tunes.keep(3, log=log)
    log.write_text("{}\n")
    with pytest.raises(ValueError, match="line 1: not a line of kept tunes"):
        rito.acceptance(log)


def test_the_command_ranks_keeps_and_writes_a_page(tmp_path, capsys):
    words = ["generate", "hymns", "-o", str(tmp_path), "-n", "2", "--bars", "2", "--seed", "1", "--best-of", "2"]
    assert main([*words, "--page", "--keep", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(tune["rank"]["score"] >= max(d["score"] for d in tune["drafts"]) for tune in found)
    assert (tmp_path / "drafts.html").exists()
    assert rito.acceptance(tmp_path) == {"requests": 1, "tunes": 2, "kept": 1, "share": 0.5}
    assert main([*words, "--page", "--keep", "1,2"]) == 0  # the same tunes again
    assert "kept 2 tunes of 2 so far" in capsys.readouterr().out


def test_keep_is_said_in_words_or_numbers():
    assert parse_keep(["contour", "1,3"], 3, True) == ("contour", (1, 3))
    assert parse_keep(["none"], 3, False) == (None, ())
    assert parse_keep([], 3, False) == (None, None)
    for word, message in (
        ("4", "melodies 1 to 3"),
        ("rhythm", "name it with --like"),
        ("melody", "must be rhythm or"),
    ):
        with pytest.raises(ValueError, match=message):
            parse_keep([word], 3, False)


@pytest.mark.parametrize(
    ("name", "best_of", "message"),
    [("hymns", 1, "best_of must be 2 to 64"), ("hymns", 65, "best_of must be 2"), ("songs-piano", 4, "other music")],
)
def test_what_cannot_be_ranked_is_refused_in_a_line(name, best_of, message):
    with pytest.raises(ValueError, match=message):
        rito.load_model(name).generate(best_of=best_of, seed=1)


def test_a_click_keeps_a_tune_and_the_kept_ones_are_saved_together(tunes, tmp_path):
    place = tunes.write_page(tmp_path / "drafts.html")
    with offline_chromium(tmp_path / "profile", accept_downloads=True) as context:
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(Path(place).as_uri())
        assert page.locator("#save-kept").is_disabled()
        page.get_by_role("button", name="Keep Seed 1, tune 2").click()
        assert "--keep 2" in page.locator("#kept-calls").inner_text()
        assert page.locator(".why").first.inner_text().startswith("best of 3 drafts: ")
        with page.expect_download() as download:
            page.locator("#save-kept").click()
        download.value.save_as(tmp_path / "kept.zip")
        page.get_by_role("button", name="Keep Seed 1, tune 2").click()
        assert "--keep none" in page.locator("#kept-calls").inner_text()
        assert problems == []
    with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["seed1-002.mid", "seed1-002.mp3", "seed1-002.musicxml"]
        assert archive.read("seed1-002.mid")[:4] == b"MThd"


def test_bars_are_chosen_by_clicks_in_a_notebook_frame(tunes, tmp_path):
    path = tmp_path / "cell.html"
    path.write_text(tunes[0]._repr_html_(), encoding="utf-8")
    with offline_chromium(tmp_path / "profile") as context:
        page = context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        frame = page.frame_locator("iframe.ritornello")
        frame.get_by_role("button", name="bar 3", exact=True).click()
        call = frame.locator(".bar-choice code")
        assert call.inner_text() == "tune.rewrite(bars=(3, 3))"
        frame.get_by_role("button", name="bar 2", exact=True).click()
        assert call.inner_text() == "tune.rewrite(bars=(2, 3))"
        pressed = frame.locator(".bar-choice button[aria-pressed=true]")
        assert pressed.all_inner_texts() == ["2", "3"]
        assert frame.locator(".roll .chosen").count() == 1
        frame.get_by_role("button", name="bar 4", exact=True).click()
        assert call.inner_text() == "tune.rewrite(bars=(4, 4))"
        assert problems == []
    assert "bar-choice" not in tunes.page().replace(".bar-choice", "")  # a page has no Python to paste it to


def test_a_tune_made_by_hand_says_whom_to_ask():
    tune = dataclasses.replace(rito.load_model().generate(bars=2, seed=1), model=None)
    with pytest.raises(ValueError, match="no model composed this tune: ask one"):
        tune.vary()

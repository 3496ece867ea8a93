"""A vote by ear: the page in a browser without a network, and the sums of what voters answered."""

import json
import re
import shutil

import pytest
from chromium import LOUDEST, offline_chromium

import ritornello as rito
from ritornello.reports.vote.count import count_ballots
from ritornello.reports.vote.page import FORMAT


def ballot(voter: str, *answers: tuple[str, str, str, str], expert: bool = False, vote: str = "v") -> dict:
    """A voter's file; answers: (a, b, liking, style)."""
    rows = [{"a": a, "b": b, "a_tune": 0, "b_tune": 0, "liking": x, "style": y} for a, b, x, y in answers]
    return {
        "format": FORMAT,
        "vote": vote,
        "models": ["p", "q", "r"],
        "voter": voter,
        "expert": expert,
        "answers": rows,
    }


def test_shares_are_counted_by_question_and_experts_apart():
    one = ballot("1", ("p", "q", "a", "b"), ("q", "p", "b", "same"))
    two = ballot("2", ("p", "q", "b", "b"), expert=True)
    sums = count_ballots([one, two])
    assert (sums["voters"], sums["experts"], sums["again"]) == (2, 1, 0)
    assert sums["groups"]["all"]["liking"]["p"]["pairs"] == 3
    assert sums["groups"]["all"]["liking"]["p"]["share"] == pytest.approx(2 / 3)
    assert sums["groups"]["all"]["liking"]["q"]["share"] == pytest.approx(1 / 3)
    assert sums["groups"]["all"]["style"]["p"]["share"] == pytest.approx(0.5 / 3)
    assert sums["groups"]["others"]["liking"]["p"] == {"pairs": 2, "share": 1.0, "interval": None}
    assert sums["groups"]["experts"]["liking"]["p"] == {"pairs": 1, "share": 0.0, "interval": None}
    assert sums["groups"]["all"]["liking"]["r"] == {"pairs": 0, "share": None, "interval": None}
    low, high = sums["groups"]["all"]["liking"]["p"]["interval"]
    assert (low, high) == (0.0, 1.0)  # of two voters who disagree


def test_more_voters_narrow_the_interval():
    def width(voters: int) -> float:
        every = [ballot(str(n), ("p", "q", "ab"[n % 3 == 0], "a")) for n in range(voters)]
        low, high = count_ballots(every)["groups"]["all"]["liking"]["p"]["interval"]
        return high - low

    assert width(90) < width(9) / 2


def test_a_voter_who_comes_twice_counts_once_whatever_the_order():
    short, long = ballot("1", ("p", "q", "a", "a")), ballot("1", ("p", "q", "b", "b"), ("p", "q", "b", "b"))
    for files in ([short, long], [long, short]):
        sums = count_ballots(files)
        assert (sums["voters"], sums["again"]) == (1, 1)
        assert sums["groups"]["all"]["liking"]["p"]["pairs"] == 2


def test_votes_are_not_mixed(command, tmp_path):
    for name in "xy":
        (tmp_path / f"{name}.json").write_text(json.dumps(ballot(name, ("p", "q", "a", "a"), vote=name)))
    status, out, err = command("vote", "--count", tmp_path)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "different votes" in err


@pytest.mark.parametrize(
    "change",
    [
        {"format": "another"},
        {"answers": [{"a": "p", "b": "z", "liking": "a", "style": "a"}]},
        {"answers": [{"a": "p", "b": "p", "liking": "a", "style": "a"}]},
        {"answers": [{"a": "p", "b": "q", "liking": "maybe", "style": "a"}]},
        {"answers": [{"a": "p", "b": "q", "liking": [], "style": "a"}]},
        {"answers": 3},
        {"expert": "yes"},
        {"voter": None},
        {"models": None},
    ],
)
def test_what_is_no_voter_s_file_is_named_in_one_line(command, tmp_path, change):
    (tmp_path / "one.json").write_text(json.dumps(ballot("1", ("p", "q", "a", "a")) | change))
    status, out, err = command("vote", "--count", tmp_path / "one.json")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "one.json: not the file of a voter" in err


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 99999])
def test_what_is_no_json_is_named_in_one_line(command, tmp_path, content):
    (tmp_path / "one.json").write_bytes(content)
    status, _, err = command("vote", "--count", tmp_path / "one.json")
    assert (status, err.count("\n")) == (1, 1)
    assert "one.json" in err


@pytest.fixture(scope="module")
def models(tmp_path_factory, little_model):
    """A folder with a run, two model files, one that is damaged, and something else."""
    folder = tmp_path_factory.mktemp("class")
    shutil.copytree(little_model, folder / "anna-run")
    for name in ("ben-model", "cleo-model"):
        shutil.copy(little_model / "model.safetensors", folder / f"{name}.safetensors")
    (folder / "damaged.safetensors").write_bytes(b"no model")
    (folder / "notes.txt").write_text("not a model")
    return folder


@pytest.fixture(scope="module")
def voted(models, tmp_path_factory):
    """The page of a vote with what the function said."""
    out = tmp_path_factory.mktemp("vote") / "vote.html"
    remarks: list[str] = []
    value = rito.vote(models, out, pairs=3, tunes=1, bars=2, style="<i>hymns</i>", on_remark=remarks.append)
    return out, value, remarks


def test_models_of_every_kind_are_taken_and_a_damaged_one_is_named(voted):
    _, value, remarks = voted
    assert value["models"] == ["anna-run", "ben-model", "cleo-model"]
    assert value["left_out"] == ["damaged.safetensors"]
    assert len(remarks) == 1
    assert "damaged.safetensors" in remarks[0]


def test_no_name_of_a_model_is_read_in_the_page_and_words_are_no_markup(voted):
    text = voted[0].read_text("utf-8")
    assert not re.search("anna-run|ben-model|cleo-model", text)
    assert "&lt;i&gt;hymns&lt;/i&gt;" in text
    assert "human" not in text
    assert "machine</" not in text.replace("on this machine</", "")


def test_too_few_models_are_one_line(command, models, tmp_path):
    lone = tmp_path / "lone"
    lone.mkdir()
    shutil.copy(models / "ben-model.safetensors", lone)
    for folder in (lone, tmp_path / "nowhere", models / "notes.txt"):
        status, out, err = command("vote", folder, "-o", tmp_path / "vote.html")
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert str(folder) in err
    assert not (tmp_path / "vote.html").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_voter_answers_with_the_keyboard_on_a_phone_and_saves_a_file_that_is_counted(
    voted, tmp_path, command, scheme
):
    complaints: list[str] = []
    size = {"width": 390, "height": 800}
    with offline_chromium(tmp_path / "profile", viewport=size, color_scheme=scheme, accept_downloads=True) as context:
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(voted[0].as_uri())
        assert page.get_by_role("heading", name="Which tune do you like?").is_visible()
        page.keyboard.press("Tab")
        page.keyboard.press("Space")  # yes
        page.keyboard.press("Enter")
        for number in range(1, 4):
            assert page.evaluate("document.activeElement.textContent") == f"Pair {number} of 3"
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            if number == 1:
                page.evaluate("document.getElementById('b').play()")
                page.evaluate("document.getElementById('a').play()")
                assert page.evaluate(LOUDEST, 0.8) > 0.02
                assert page.evaluate("document.getElementById('b').paused")
                page.reload()  # it goes on where it was
            for _ in range(2 if number == 2 else 1):
                page.locator("input[name=liking][value=a]").focus()
                page.keyboard.press("Space")
                page.locator("input[name=style][value=a]").focus()
                page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
        page.screenshot(path=tmp_path / "end.png")
        with page.expect_download() as saved:
            page.locator("#save").focus()
            page.keyboard.press("Enter")
        file = tmp_path / saved.value.suggested_filename
        saved.value.save_as(file)
        page.get_by_role("button", name="The next voter").click()
        assert page.get_by_role("button", name="Begin").is_visible()
        luminance = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert complaints == []
    assert (int(re.findall(r"\d+", luminance)[0]) < 80) == (scheme == "dark")
    answers = json.loads(file.read_text("utf-8"))
    assert answers["expert"] is True
    assert [(a["liking"], a["style"]) for a in answers["answers"]] == [("a", "b")] * 3
    assert {name for a in answers["answers"] for name in (a["a"], a["b"])} == {"anna-run", "ben-model", "cleo-model"}
    status, out, err = command("vote", "--count", file)
    assert (status, err) == (0, "")
    assert out.startswith("1 voter, 1 expert\n")
    assert json.loads(command("vote", "--count", file, "--json").out)["voters"] == 1

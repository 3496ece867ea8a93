"""The demo on the hymns alone, shortened to a few updates: every file is there and the page holds four tunes."""

import json
import re

import pytest
from outputs import names_in

from ritornello.training.run.claim import claimed
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.request import Request


@pytest.fixture(scope="module")
def demo(tmp_path_factory, make_training_short):
    """The folder of a demo that trained for a moment, and its outcome."""
    import contextlib
    import io

    from ritornello.cli import main

    folder = tmp_path_factory.mktemp("demo") / "demo"
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        make_training_short(patch)
        status = main(["demo", "-o", str(folder), "--json"])
    assert status == 0, err.getvalue()
    return folder, json.loads(out.getvalue()), err.getvalue()


def test_everything_is_written(demo):
    folder, _, _ = demo
    tunes = {f"melody-{n}.{suffix}" for n in (1, 2, 3, 4) for suffix in ("mid", "musicxml", "svg", "wav")}
    drawn_where_possible = {"curves.png"}  # resvg_py is an extra
    assert {*names_in(folder)} - drawn_where_possible == tunes | {
        "model.safetensors", "last.safetensors", "log.jsonl", "demo.json", "index.html",
        "coach.json", "report.html", "curves.svg", "samples",
    }  # fmt: skip


def test_the_figures_are_told(demo):
    folder, value, said = demo
    kept = json.loads((folder / "demo.json").read_text("utf-8"))
    assert {"bits_per_note", "ngram_bits_per_note", "seconds"} <= kept.keys()
    assert value["bits_per_note"] == kept["bits_per_note"]
    assert 4 < kept["ngram_bits_per_note"] < 8
    assert "bits per note" in said
    assert said.count("longest run shared") == 4


def test_the_page_shows_and_plays_four(demo):
    page = (demo[0] / "index.html").read_text("utf-8")
    assert page.count("<audio") == 4
    assert len(re.findall(r"<h2>Melody \d</h2>", page)) == 4
    assert "longest run shared with a training tune" in page


def test_a_demo_may_be_done_again_and_gone_on_with(demo):
    with claimed(demo[0], Request(is_demo=True)) as saved:
        assert saved is None
    assert load_checkpoint(demo[0]).metadata.source == "all"


def test_a_run_that_is_not_a_demo_s_stays(command, demo, little_model, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"the player's own")
    (tmp_path / "demo.json").write_bytes((demo[0] / "demo.json").read_bytes())  # of a demo that it replaced
    for folder in (little_model, tmp_path):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        status, _, err = command("demo", "-o", folder)
        assert (status, err.count("\n")) == (1, 1)
        assert "so it is kept: name another place, or replace it (--replace" in err
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

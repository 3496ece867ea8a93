"""The bench of habits: every row can fail, tables stand between marks, verdicts stay with their tunes."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.habits import judging, tables
from benchmarks.habits.__main__ import MARKS, PAGES, all_rows, parsed
from benchmarks.habits.counting import kept
from benchmarks.report import ROOT

from ritornello.api import load_model

PLACE = {"model": "default", "bars": 16, "guards": True, "tunes": 10, "people_tunes": 20}


def judged(name: str, people: float, band: float, own: float, temperature: float = 1.0) -> dict:
    parts = {"shares": {name: people}, "bands": {name: band}}, {"shares": {name: own}}
    (row,) = judging.rows_of(*parts, **PLACE, temperature=temperature)
    return row


@pytest.mark.parametrize(
    ("name", "people", "band", "passing", "failing"),
    [
        ("downbeat", 0.7, 0.05, (0.64, 0.76), (0.62, 0.78)),
        ("hammered", 0.0, 0.005, (0.0, 0.02), (0.03,)),
        ("last_beat", 0.1, 0.05, (0.04, 0.16), (0.02, 0.18)),
        ("tonic", 0.6, 0.05, (0.54, 0.66), (0.52, 0.68)),
        ("draws", 0, 0, (1.0, 1.02), (1.03,)),
        ("run", 6, 0, (3, 7), (8,)),
        ("long_run", 0.01, 0, (0.0, 0.02), (0.03,)),
        ("loops", 0.002, 0, (0.0, 0.009), (0.01,)),
        ("rounds", 0.0, 0, (0.004,), (0.006,)),
        ("loops_but_one", 0.01, 0, (0.029,), (0.031,)),
        ("unreadable", 0.01, 0, (0.0,), (0.001,)),
        ("exact_after_8", 0.5, 0.01, (0.41, 0.59), (0.39, 0.61)),
        ("exact_after_4", 0.1, 0.01, (0.08, 0.12), (0.06, 0.14)),
        ("moved_after_4", 0.02, 0.05, (0.011, 0.08), (0.009, 0.1)),
        ("far_key", 0.08, 0.5, (0.06, 0.1), (0.04, 0.12)),
    ],
)
def test_each_row_can_fail(name, people, band, passing, failing):
    assert all(judged(name, people, band, own)["passes"] is True for own in passing)
    assert all(judged(name, people, band, own)["passes"] is False for own in failing)


def test_endings_returns_and_keys_are_judged_at_temperature_one_alone():
    free = {name for name in judging.HABITS if judged(name, 0.5, 0, 20.0, temperature=0.5)["passes"] is None}
    assert free == {"downbeat", "hammered", "last_beat", "tonic", "far_key"} | {
        f"{kind}_after_{bars}" for kind in ("exact", "moved", "rhythm") for bars in (4, 8, 16)
    }


def test_a_few_tunes_are_composed_counted_and_judged(tmp_path):
    words = ["--tunes", "3", "--models", "hymns", "--temperatures", "1", "--bars", "8", "--cache", str(tmp_path)]
    options = parsed([*words, "--options", "top_p=0.9"])
    rows = list(all_rows(options))
    guarded = {row["habit"]: row for row in rows if row["guards"]}
    assert set(guarded) == {name for name in judging.HABITS if not name.endswith(("_8", "_16"))}
    assert guarded["draws"]["composed"] == 1
    assert all(0 <= row["composed"] <= 1 for name, row in guarded.items() if "draws" not in name and name != "run")
    free = {row["habit"] for row in rows if not row["guards"]}
    assert guarded.keys() - free == {"draws_in_minor"}
    assert rows == list(all_rows(options))  # from the cache
    assert len(list((tmp_path / "parts").iterdir())) == 3  # people, guarded, unguarded
    page = tables.full_tables(rows)
    assert "**hymns, 8 bars**: 3 tunes in each column" in page
    assert page.count("\n| ") == 2 + len(guarded)  # a head of two lines, and a row for each habit
    assert "guards on: " in tables.summary(rows)


def test_what_fails_is_bold_and_what_is_not_judged_in_brackets():
    rows = [judged("downbeat", 0.7, 0.05, own, t) for own, t in ((0.5, 1.0), (0.6, 0.5))]
    assert tables.one_table(rows).splitlines()[-1] == (
        "| last note on the downbeat | 70.0 % | 63.0 % to 77.0 % | (60.0 %) | **50.0 %** |"
    )
    short = tables.short_table([*rows, replace_row(rows[0], bars=8, composed=0.7, passes=True)])
    assert short.splitlines()[-1].endswith("| **50.0 %** | – | 1 of 2 within |")


def replace_row(row: dict, **changes) -> dict:
    return {**row, **changes}


def test_both_pages_have_a_place_for_the_tables():
    for page in PAGES:
        assert [page.read_text("utf-8").count(mark) for mark in MARKS] == [1, 1]


def test_a_part_is_counted_once_for_each_key(tmp_path):
    counted = []
    for key in (1, 2, 1):
        kept(tmp_path, lambda key=key: counted.append(key) or {"of": key}, "part", key)
    assert counted == [1, 2]


@pytest.fixture
def sixteen(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_sixteen

    return make_sixteen


def test_a_verdict_stays_with_the_tune_that_it_was_given_to(sixteen, tmp_path):
    one, two = (load_model("hymns").generate(seed=seed, bars=2) for seed in (1, 2))
    sixteen.write_sixteen(tmp_path, [one, two], "a model")
    assert (tmp_path / "README.md").read_text().count(sixteen.NO_VERDICT) == 2
    path: Path = tmp_path / sixteen.VERDICTS
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], f"{lines[1]} A leap | well prepared.", f"{lines[2]} Dull."]) + "\n")
    other = replace(two, melody=two.melody.transposed(1))
    sixteen.write_sixteen(tmp_path, [one, other], "another model")
    page = (tmp_path / "README.md").read_text()
    assert "A leap | well prepared. ([ABC](seed01.abc))" in page
    assert "Dull" not in page + path.read_text()
    assert "<svg" in (tmp_path / "seed02.svg").read_text()
    assert (tmp_path / "seed01.abc").read_text().startswith("X:")


def test_the_command_prints_one_json_value(tmp_path):
    words = ["--tunes", "2", "--models", "hymns", "--temperatures", "1.5", "--bars", "8", "--guards", "on", "--json"]
    command = [sys.executable, "-m", "benchmarks.habits", *words, "--cache", str(tmp_path)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {row["temperature"] for row in json.loads(out)["rows"]} == {1.5}

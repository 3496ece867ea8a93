"""A run folder read back: its log, its coach, and runs side by side."""

import json
import math
from html import escape

import pytest

from ritornello.reports.runs.compare import compare_runs, comparison_page, comparison_svg, table_of
from ritornello.reports.runs.log import RunLogError, read_run
from ritornello.reports.runs.page import write_report

CORPUS = "c0ffee" * 8
LN2 = math.log(2)


def check(update, train, held_out, **rest) -> dict:
    return {
        "update": update, "updates": 40, "epochs": update / 10, "seconds": 6.0 * update, "train_nll": train * LN2,
        "validation_nll": held_out * LN2, "tokens_per_second": 1000.0, "is_best": True, "stopped": "", **rest,
    }  # fmt: skip


HEAD = {
    "plan": {"updates": 40, "peak_rate": 0.004},
    "network": {"layers": 2, "width": 64, "embedding": 64},
    "encoding": {"name": "grid", "plain": True},
    "corpus": {"fingerprint": CORPUS, "pieces": 9},
}
COACH = {
    "notes": 500, "has_held_out": True, "tokens_per_note": {"training": 4.0, "held_out": 3.0},
    "ngram_bits_per_note": 4.0, "samples": [],
}  # fmt: skip
SAMPLE = {
    "file": "epoch-0001.00.mid", "update": 10, "epochs": 1.0, "names": "C4 <E4>", "primer_notes": 1,
    "probabilities": [0.5], "notes": 9, "pitch": 60, "times": 9, "sounding": 1.0, "certainty": 0.5,
}  # fmt: skip


def write_run(folder, lines, coach=COACH):
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    if coach is not None:
        (folder / "coach.json").write_text(json.dumps(coach), "utf-8")
    return folder


def test_a_title_with_a_line_separator_in_it_is_one_line_of_the_log(tmp_path):
    folder = write_run(tmp_path / "run", [HEAD])
    line = json.dumps(check(10, 1.5, 2.0, note="a\u2028b\x85c"), ensure_ascii=False)
    with (folder / "log.jsonl").open("a", encoding="utf-8", newline="\n") as file:
        file.write(f"{line}\n{line}\n")
    assert len(read_run(folder).checks) == 2


def test_nats_per_token_become_bits_per_note(tmp_path):
    run = read_run(write_run(tmp_path / "run", [HEAD, check(10, 1.5, 2.0, stopped="time")]))
    point = run.log.points[0]
    assert (point.training, point.validation) == pytest.approx((6.0, 6.0))  # 1.5 bits x 4 tokens, 2 bits x 3 tokens
    assert (run.log.ngram, run.log.notes, run.log.stopped, bool(run.tokens_per_note)) == (4.0, 500, "time", True)


def test_without_a_coach_the_head_says_how_many_tokens_make_a_note(tmp_path):
    head = HEAD | {"held_out": {"melodies": 2, "tokens": 50, "notes": 10}}
    run = read_run(write_run(tmp_path / "run", [head, check(10, 1.0, 2.0)], coach=None))
    assert run.log.points[0].validation == pytest.approx(10.0)
    assert run.tokens_per_note


def test_a_run_that_does_not_say_it_is_told_in_tokens(tmp_path):
    run = read_run(write_run(tmp_path / "run", [HEAD, check(10, 1.0, 2.0)], coach=None))
    assert run.log.points[0].validation == pytest.approx(2.0)
    assert not run.tokens_per_note


def test_what_came_after_the_point_gone_back_to_is_undone(tmp_path):
    lines = [HEAD, check(10, 1, 2), check(20, 1, 3), {"went_back": 10, "from_update": 25}, check(20, 1, 1.5)]
    log = read_run(write_run(tmp_path / "run", lines)).log
    assert [point.update for point in log.points] == [10, 20]
    assert log.points[-1].validation == pytest.approx(4.5)
    assert log.setbacks == 1


def test_a_line_cut_off_while_it_was_written_is_passed_over(tmp_path):
    folder = write_run(tmp_path / "run", [HEAD, check(10, 1, 2)])
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"update": 20, "epo')
    assert len(read_run(folder).checks) == 1


def test_numbers_that_are_none_are_no_check(tmp_path):
    text = "\n".join([json.dumps(HEAD), json.dumps(check(10, 1, 2)), json.dumps(check(20, 1, math.nan))])
    (tmp_path / "log.jsonl").write_text(text)
    assert [line["update"] for line in read_run(tmp_path).checks] == [10]


NO_NUMBER = '{"samples": [], "tokens_per_note": {"training": 1, "held_out": 1}, "ngram_bits_per_note": "5"}'


@pytest.mark.parametrize("text", ["", "[]", '{"samples": 3}', '{"samples": [{}], "tokens_per_note": {}}', NO_NUMBER])
def test_a_coach_that_cannot_be_read_is_passed_over(tmp_path, text):
    folder = write_run(tmp_path / "run", [HEAD, check(10, 1, 2)])
    (folder / "coach.json").write_text(text)
    assert read_run(folder).coach == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no plan"),
        ('{"plan', "line 1 is not JSON"),
        ("[1]\n", "line 1 is not an object"),
        ('{"update": 3}\n', "holds no plan"),
        ('{"plan": 3}\n', "holds no plan"),
        ('{"plan": {}, "network": "2x256"}\n', "holds no plan"),
        ('{"plan": {}}\nnonsense\n{"update": 1}\n', "line 2 is not JSON"),
    ],
)
def test_what_is_no_log_is_refused_by_name_and_line(tmp_path, text, what):
    (tmp_path / "log.jsonl").write_text(text)
    with pytest.raises(RunLogError, match=rf"log\.jsonl: .*{what}"):
        read_run(tmp_path)


def test_a_folder_without_a_log_is_no_run(tmp_path):
    with pytest.raises(RunLogError, match="not a run"):
        read_run(tmp_path)


def test_the_report_holds_everything_it_needs(tmp_path):
    coach = COACH | {"samples": [SAMPLE]}
    folder = write_run(
        tmp_path / "<run>", [HEAD, check(10, 1.5, 2.0), check(20, 1.0, 1.0, stopped="finished")], coach
    )
    page = write_report(read_run(folder)).read_text("utf-8")
    assert "3.00 bits per note on validation tunes, 1.00 fewer than the n-gram&#x27;s 4.00." in page
    assert "it only repeats one note (C4, 9 of 9)" in page
    assert "&lt;run&gt;" in page
    assert "C4 &lt;E4&gt;" in page
    assert "50 % sure" in page
    assert "<script" not in page
    assert page.count("<svg") == 2  # wide and narrow; the sample's file is not there
    assert (folder / "curves.svg").read_text("utf-8").startswith("<svg")


def test_a_tuned_run_tells_what_it_gained_over_the_model_it_began_from(tmp_path):
    lines = [HEAD, check(0, 1.2, 1.2), check(10, 1, 1.1, stopped="finished")]
    folder = write_run(tmp_path / "runs" / "tuned", lines)
    assert read_run(folder).log.base == pytest.approx(3.6)  # 1.2 bits x 3 tokens
    page = write_report(read_run(folder)).read_text("utf-8")
    told = "3.30 bits per note on validation tunes, 0.30 fewer than the model it began from; an n-gram has 4.00."
    assert told in page
    assert "It beats the n-gram" not in page
    [group] = compare_runs(tmp_path / "runs").groups
    assert group.rows[0].to_dict()["base_bits_per_note"] == pytest.approx(3.6)
    assert group.caution == "much of what a tuned run knows, the model that it began from knew before"


def test_before_the_first_check_no_report_is_written(tmp_path):
    folder = write_run(tmp_path / "run", [HEAD])
    assert not write_report(read_run(folder)).exists()


@pytest.fixture
def many(tmp_path):
    """Two runs of one corpus, one of another, one that has just begun, and one that is broken."""
    write_run(tmp_path / "worse", [HEAD, check(10, 1, 1.5)])
    write_run(tmp_path / "deep" / "better", [HEAD, check(10, 1, 1.2, stopped="early")])
    write_run(tmp_path / "begun", [HEAD])
    other = HEAD | {"corpus": {"fingerprint": "beef" * 12, "pieces": 3}}
    write_run(tmp_path / "other", [other, check(10, 1, 0.1, stopped="time")])
    write_run(tmp_path / "broken", [{"no": "plan"}])
    return tmp_path


def test_runs_are_ranked_with_those_of_their_own_corpus_alone(many):
    found = compare_runs(many)
    assert [[row.name for row in group.rows] for group in found.groups] == [
        ["deep/better", "worse", "begun"],
        ["other"],
    ]
    best = found.groups[0].rows[0].to_dict()
    assert best["bits_per_note"] == pytest.approx(3.6)
    assert best["gain"] == pytest.approx(0.4)
    assert (best["network"], best["encoding"], best["minutes"], best["stopped"]) == (
        "2x64",
        "grid plain",
        1.0,
        "early",
    )


METRE = ["position", "strength", "metre", "countdown"]
MEMORY = ["own", "corpus", "ending"]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ({"name": "grid", "steps_per_quarter": 4, "plain": False}, "grid"),
        ({"name": "grid", "steps_per_quarter": 12, "plain": False}, "grid 12 steps"),
        ({"name": "grid", "inputs": ["metre"]}, "grid, inputs metre"),
        ({"name": "interval", "inputs": METRE, "memory": MEMORY, "relative_to": "key"}, "interval"),
        ({"name": "interval", "inputs": METRE, "memory": MEMORY, "relative_to": "previous"}, "interval previous"),
        ({"name": "interval", "inputs": METRE, "relative_to": "key"}, "interval, no memory"),
        ({"name": "interval", "inputs": METRE, "memory": ["own"]}, "interval, memory own"),
        ({"name": "interval", "inputs": METRE, "memory": ["own", "corpus"]}, "interval, memory own corpus"),
        ({"name": "lookback", "inputs": ["position", "bar_ago", "two_bars_ago", "repeated"]}, "lookback"),
        ({"name": "miditok", "tokenizer": "REMI", "config": {}}, "miditok"),
        ({"name": "miditok", "tokenizer": "TSD", "config": {"step": 8}}, 'miditok TSD {"step": 8}'),
        ({"name": "hieroglyphs", "steps_per_quarter": 4}, "hieroglyphs 4 steps"),
    ],
)
def test_every_option_of_an_encoding_tells_runs_apart(tmp_path, encoding, words):
    write_run(tmp_path / "run", [HEAD | {"encoding": encoding}, check(10, 1, 1.5)])
    [group] = compare_runs(tmp_path).groups
    assert group.rows[0].to_dict()["encoding"] == words
    assert table_of(group)[1][0][2] == words
    assert f"<dd>{escape(words)}</dd>" in write_report(read_run(tmp_path / "run")).read_text("utf-8")


def test_a_broken_run_is_a_line(many):
    assert [name for name, _ in compare_runs(many).unreadable] == ["broken"]


def test_a_run_without_held_out_tunes_is_not_ranked_by_its_training(many):
    write_run(many / "blind", [HEAD, check(10, 0.1, 0.1)], COACH | {"has_held_out": False})
    rows = compare_runs(many).groups[0].rows
    assert {row.name: row.best for row in rows}["blind"] is None
    assert [row.name for row in rows][:2] == ["deep/better", "worse"]


def test_runs_that_were_checked_on_other_notes_are_ranked_with_a_caution(tmp_path):
    watched = {"melodies": 3, "tokens": 90, "notes": 30}
    write_run(tmp_path / "a", [HEAD | {"held_out": watched}, check(10, 1, 1)])
    write_run(tmp_path / "b", [HEAD | {"held_out": watched | {"tokens": 80}}, check(10, 1, 1)])
    assert compare_runs(tmp_path).groups[0].caution == ""
    write_run(tmp_path / "c", [HEAD | {"held_out": watched | {"notes": 31}}, check(10, 1, 1)])
    assert "not all were checked on the same notes" in compare_runs(tmp_path).groups[0].caution
    write_run(tmp_path / "d", [HEAD | {"encoding": {"name": "grid"}}, check(10, 1, 1)])
    assert compare_runs(tmp_path).groups[0].caution.endswith("plain encodings pay for neither metre nor end")


def test_the_picture_draws_each_corpus_by_itself(many):
    assert comparison_svg(compare_runs(many)).count('class="lines"') == 2
    page = comparison_page(compare_runs(many), "Runs", many)
    assert "cannot be compared" in page
    assert "holds no plan" in page


def test_the_page_links_to_the_reports_beside_it(many):
    write_report(read_run(many / "worse"))
    page = comparison_page(compare_runs(many), "Runs", many)
    assert 'href="worse/report.html"' in page
    assert str(many) not in page.split("Not to be read")[0]


def test_runs_that_have_just_begun_cannot_be_drawn(tmp_path):
    write_run(tmp_path / "begun", [HEAD])
    with pytest.raises(ValueError, match="nothing to draw"):
        comparison_svg(compare_runs(tmp_path))


def test_the_command_tells_tables_json_and_pictures(command, many):
    told = command("runs", many, "--out", many / "runs.svg")
    assert told.status == 0
    assert "deep/better" in told.out
    assert "not read: " in told.out
    assert (many / "runs.svg").read_text("utf-8").startswith("<svg")
    assert command("runs", many, "--out", many / "runs.html").status == 0
    value = json.loads(command("runs", many, "--json").out)
    assert [len(corpus["runs"]) for corpus in value["corpora"]] == [3, 1]
    assert value["unreadable"][0]["name"] == "broken"


@pytest.mark.parametrize(
    ("words", "what"),
    [(["nowhere"], "no such folder"), (["."], "no run in it"), ([".", "--out", "runs.gif"], "name the picture")],
)
def test_the_command_says_in_a_line_what_was_wrong(command, tmp_path, monkeypatch, words, what):
    monkeypatch.chdir(tmp_path)
    told = command("runs", *words)
    assert told.status == 1
    assert what in told.err
    assert told.err.count("\n") == 1

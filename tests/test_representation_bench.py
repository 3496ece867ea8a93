"""The bench of representations: what it compares on, what it adds up, and how it goes on after a stop."""

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.report import write_between_marks
from benchmarks.representations import budget, entrants, results, tables
from benchmarks.representations.brief import brief
from benchmarks.representations.entrants import ABLATION, ENTRANTS, Entrant, ablation_entrants, chosen
from benchmarks.representations.material import available, shared_tunes
from benchmarks.representations.pictures import boxes
from benchmarks.representations.reasons import REASONS
from benchmarks.representations.shares import Share, kind_of, shares

from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding import make_encoding
from ritornello.evaluate.likelihood import melody_nats
from ritornello.evaluate.statistics import profile_of
from ritornello.music.values import Melody, Metre, Note, Timeline

GRID, FINE = Entrant("grid", {"name": "grid"}), Entrant("fine", {"name": "grid", "steps_per_quarter": 12})


def tune(starts: list[int]) -> Melody:
    """Notes that begin at these twelfths of a quarter and last a quarter's third each."""
    return Melody(tuple(Note(s, 4, 60 + n) for n, s in enumerate(starts)), Timeline(12, 48, (Metre(0, 4, 4),)))


def run(name: str, seed: int, bits: float, curve=((10, 5.0, 8.0), (20, 10.0, 6.0)), load: float = 0.1) -> dict:
    """A result as the bench writes it."""
    entrant = next(e for e in [*ENTRANTS, *ablation_entrants()] if e.name == name)
    job = {
        "corpus": "embedded", "fingerprint": "f", "minutes": 1.0, "updates": None, "threads": 1, "tunes": 10,
        "top_p": 1.0, "checks": 2, "shared": "8 of 10 tunes", "seed": seed, "name": name,
        "encoding": entrant.encoding, "network": entrant.network,
    }  # fmt: skip
    return {
        "kind": "run", "job": job, "load": load, "job_count": 1, "hardware": {"processor": "P", "cores": "2"},
        "weights": 1000, "updates": 20, "seconds": 12.0, "curve": [list(point) for point in curve],
        "test": {"bits_per_note": bits, "bits_per_quarter": bits / 2, "tokens": 40, "notes": 10},
        "playing": {"notes_per_second": 100.0, "us_per_step": 50.0},
        "composed": {
            "well_formed": 1.0, "distances": {"intervals": 0.1, "on_beat": 0.01},
            "longest_shared_run": {"median": 5, "largest": 9},
        },
    }  # fmt: skip


def people() -> dict:
    figures = {"tunes": 8, "bars": [8], "halves": {"intervals": 0.04, "on_beat": 0.02}}
    figures["longest_shared_run"] = {"median": 6, "largest": 11}
    return {"kind": "people", "job": run("grid, lstm", 1, 5.0)["job"], "people": figures}


def cells(text: str, name: str) -> list[str]:
    """The cells of the first row that begins with a name."""
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_names_are_used_once_and_the_reference_is_the_bare_grid():
    everybody = [*ENTRANTS, *(entrant for row in ABLATION for entrant in (row.without, row.entrant))]
    by_name = {e.name: e for e in everybody}
    assert len({e.name for e in ENTRANTS}) == len(ENTRANTS)
    assert {e.name for e in everybody if e.is_reference} == {"grid, lstm", "grid, 12 steps, lstm", "grid"}
    assert all(by_name[e.name] == e for e in everybody)
    assert all(row.entrant != row.without for row in ABLATION)


def test_an_encoding_that_cannot_be_made_is_told_and_left_out():
    able, missing = available([GRID, Entrant("odd", {"name": "hieroglyphs"})])
    assert able == [GRID]
    assert "hieroglyphs" in missing["odd"]


def test_entrants_are_chosen_by_pattern():
    assert [e.name for e in chosen(ENTRANTS, ["note, [la]*"])] == ["note, lstm", "note, attention"]
    with pytest.raises(ValueError, match="grid, lstm"):
        chosen(ENTRANTS, ["nobody"])


def test_only_tunes_that_all_reproduce_are_kept():
    melodies = [tune([0, 12, 24]), tune([0, 4, 8]), tune([0, 12])]  # four steps a quarter know no thirds
    quarters = [replace(m, notes=tuple(n._replace(duration=3) for n in m.notes)) for m in melodies]
    pieces = [
        (CorpusPiece("a", (), licence="CC0-1.0", family="a", split="train"), quarters[:2]),
        (CorpusPiece("b", (), licence="CC0-1.0", family="b", split="test"), [quarters[2]]),
    ]
    found = shared_tunes(corpus_of(pieces), [GRID, FINE])
    assert found.kept == {"train": 1, "validation": 0, "test": 1}
    assert found.refused == {"grid": 1, "fine": 0}
    assert [m.notes for m in found.corpus.melodies()] == [quarters[0].notes, quarters[2].notes]
    assert "2 of 3 tunes" in str(found)


def test_half_a_line_is_taken_away_before_the_next(tmp_path):
    path = tmp_path / "deep" / "results.jsonl"
    results.append_result(path, {"n": 1})
    path.write_bytes(path.read_bytes() + b'{"n": 2, "cut')
    assert results.read_results(path) == [{"n": 1}]
    results.append_result(path, {"n": 3})
    assert results.read_results(path) == [{"n": 1}, {"n": 3}]
    path.write_text('{"n": 1}\nnonsense\n{"n": 3}\n')
    with pytest.raises(ValueError, match="line 2"):
        results.read_results(path)


def test_a_run_is_known_again_by_what_it_was_asked_for():
    first, again = run("grid, lstm", 1, 5.0), run("grid, lstm", 1, 5.5)
    others = [run("grid, lstm", 2, 5.0), run("note, lstm", 1, 5.0), run("grid, attention", 1, 5.0), people()]
    assert results.key_of(first) == results.key_of(json.loads(json.dumps(again)))
    assert results.key_of(first) not in {results.key_of(other) for other in others}


def test_seconds_to_a_target_are_read_off_the_curve():
    curve = [[10, 5.0, 8.0], [20, 10.0, 6.0], [30, 15.0, 5.0]]
    assert tables.seconds_to(curve, 9.0) == 5.0
    assert tables.seconds_to(curve, 7.0) == 7.5
    assert tables.seconds_to(curve, 5.5) == 12.5
    assert tables.seconds_to(curve, 4.0) is None


def test_the_table_holds_medians_times_and_what_lies_far_from_people():
    grids = [run("grid, lstm", seed, bits) for seed, bits in ((1, 5.0), (2, 6.0), (3, 5.5))]
    faster = run("note, lstm", 1, 4.5, curve=((10, 2.0, 7.0), (20, 4.0, 5.0)))
    text = tables.markdown([people(), *grids, faster])
    assert cells(text, "grid, lstm")[1:8] == [
        "5.500 (5.000 to 6.000)",
        "2.750",
        "4.00",
        "1,000",
        "20",
        "12",
        "10 (10 to 10)",
    ]
    assert cells(text, "note, lstm")[7] == "3"  # 6.0 is half way from 7.0 at 2 s to 5.0 at 4 s
    composed = text[text.index("composed by") :]
    assert cells(composed, "note, lstm")[1:] == ["100.0 %", "**0.100**", "0.010", "5, 9"]
    assert "8 of 10 tunes" in text
    assert "An update holds" not in text
    assert "not to be published" not in text


def test_a_run_that_never_gets_there_counts_and_a_first_check_is_an_upper_bound():
    ends = (6.0, 6.5, 7.0)  # of three runs: the mark is the middle one's
    grids = [run("grid, lstm", n, 5.0, ((10, 5.0, 8.0), (20, 10.0, end))) for n, end in enumerate(ends)]
    at_once = run("note, lstm", 1, 4.5, curve=((10, 2.0, 6.25), (20, 4.0, 5.0)))
    late = run("lookback, lstm", 1, 5.5, curve=((10, 2.0, 8.0), (20, 4.0, 7.0)))
    text = tables.markdown([*grids, at_once, late])
    assert cells(text, "grid, lstm")[7] == "10 (9 to never)"  # from 8 to 6 in 5 s: 6.5 after 8.75 s
    assert cells(text, "note, lstm")[7] == "≤ 2"
    assert cells(text, "lookback, lstm")[7] == "never"


def test_of_well_formed_tunes_the_worst_run_counts():
    records = [run("grid, lstm", seed, 5.0) for seed in (1, 2, 3)]
    records[1]["composed"]["well_formed"] = 0.98
    text = tables.markdown([people(), *records])
    assert cells(text[text.index("composed by") :], "grid, lstm")[1] == "98.0 %"


def test_why_the_best_lies_far_from_people_is_told_below_the_table(monkeypatch):
    monkeypatch.setattr(tables, "REASONS", {"intervals": "it leaps", "on_beat": "it swings"})
    halves = {"intervals": 0.04, "on_beat": 0.02, "repeats_1": 0.01}
    scale = people()
    scale["people"]["halves"] = halves
    best, plain, worse = (run(f"{name}, lstm", 1, n) for name, n in (("note", 4), ("grid, plain", 3), ("grid", 5)))
    for record, distances in ((best, (0.1, 0.03, 0.03)), (plain, (0.01, 0.5, 0.01)), (worse, (0.01, 0.5, 0.01))):
        record["composed"]["distances"] = dict(zip(halves, distances, strict=True))
    text = tables.markdown([scale, worse, plain, best])
    assert text.endswith(
        "Why those of note, lstm lie far from people's:\n\n"
        "- intervals: it leaps.\n- repeats at bar 1: no reason is known."
    )
    best["composed"]["distances"] = dict.fromkeys(halves, 0.0)
    assert "Why those" not in tables.markdown([scale, best])


def test_reasons_are_given_for_statistics_that_there_are():
    assert REASONS.keys() <= profile_of([]).shares.keys() | profile_of([]).distributions.keys()


def test_runs_of_so_many_updates_tell_nothing_of_time_and_need_not_compose():
    found = run("note, lstm", 1, 4.5, load=9.0)
    found["job"] |= {"minutes": None, "updates": 20, "tunes": 0}
    found["composed"] = None
    others = people()
    others["job"] = found["job"]
    text = tables.markdown([others, found])
    assert cells(text, "note, lstm")[1:] == ["4.500", "2.250", "4.00", "1,000", "20"]
    assert "20 updates" in text
    assert "An update holds 16 x 48 groups" in text
    assert "not to be published" not in text


def test_the_ablation_compares_seed_by_seed():
    records = [
        run("grid, lstm", 1, 5.0),
        run("grid, lstm", 2, 6.0),
        run("note", 1, 4.5),
        run("note", 2, 5.75),
    ]
    assert cells(tables.markdown(records), "no hold tokens")[1:] == [
        "grid", "note", "5.125", "+0.375 (+0.250 to +0.500)",
    ]  # fmt: skip


def test_runs_on_a_busy_machine_are_named_as_such():
    assert "1 runs shared the machine" in tables.markdown([run("grid, lstm", 1, 5.0, load=2.5)])


def test_a_table_is_written_between_its_marks_again_and_again(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("\n".join(["before", *tables.MARKS, "after", ""]))
    for text in ("an older table", "| a |", "| a |"):
        write_between_marks(page, text, tables.MARKS)
    begin, end = tables.MARKS
    assert page.read_text() == f"before\n{begin}\n\n| a |\n\n{end}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="put these two lines"):
        write_between_marks(page, "| a |", tables.MARKS)


def test_networks_have_about_the_weights_of_the_exercises(monkeypatch):
    pytest.importorskip("torch")
    ids, width = 153, 256  # the grid names metres by two figures
    layer = 4 * width * (2 * width + 1)
    assert budget.budget() == (ids + 1) * width + 2 * layer + ids * (width + 1)
    for options, fields in (({"name": "note"}, {}), ({"name": "interval"}, entrants.ATTENTION)):
        network, weights = budget.within_budget(fields, make_encoding(**options))
        assert abs(weights - budget.budget()) < 0.02 * budget.budget()
        assert network.width == network.embedding
        assert network.width % budget.STEP == 0


def test_bits_are_shared_out_among_the_kinds_of_tokens(make_network):
    encoding = make_encoding("grid")
    tokens = encoding.encode(tune([0, 12, 24])).tokens.astype(np.int64)
    network = make_network(encoding.vocabulary.size, dtype=np.float64)
    found = shares(network, encoding, [tokens, tokens])
    assert {kind: share.tokens for kind, share in found.items()} == {
        "note_on": 6, "no_event": 8, "note_off": 4, "metre": 4, "end": 2,
    }  # fmt: skip
    bits = sum(share.bits for share in found.values())
    assert bits == pytest.approx(2 * melody_nats(network, [tokens], encoding)[0] / np.log(2))
    assert isinstance(found["end"], Share)


def test_kinds_are_named_by_their_row():
    names = ("note_on 60", "no_event", "metre_6", "over_8", "begin_6/8", "quarters_3/2", "key_minor 4")
    assert [kind_of(name) for name in names] == [
        "note_on", "no_event", "metre", "metre", "metre", "quarters", "key_minor",
    ]  # fmt: skip


def test_boxes_fill_the_time_of_their_group():
    melody = Melody((Note(0, 24, 60), Note(36, 12, 62)), Timeline(12, 48, (Metre(0, 4, 4),)))
    encoding = make_encoding("note")
    drawn = boxes(encoding, encoding.encode(melody).tokens.astype(np.int64))
    assert [(b.text, b.kind, b.layer, b.start, b.stop) for b in drawn] == [
        ("metre 4", "header", 0, 0, 0), ("over 4", "header", 1, 0, 0),
        ("60", "note", 0, 0, 2), ("2", "length", 1, 0, 2),
        ("rest", "silence", 0, 2, 3), ("1", "length", 1, 2, 3),
        ("62", "note", 0, 3, 4), ("1", "length", 1, 3, 4),
        ("end", "end", 0, 0, 0),
    ]  # fmt: skip


def test_an_encoding_that_composes_without_form_is_not_made_to_compose(tiny_corpus):
    pytest.importorskip("miditok")
    from benchmarks.representations.run import composed

    assert composed(None, make_encoding("miditok"), tiny_corpus, {"tunes": 3}) is None


def test_a_run_trains_scores_plays_and_composes(tiny_corpus, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from benchmarks.representations.people import people as people_of
    from benchmarks.representations.run import run as run_job

    monkeypatch.setattr(budget, "budget", lambda: 8_000)
    tiny_corpus.save(tmp_path / "corpus")
    job = run("note, lstm", 1, 0.0)["job"] | {"minutes": None, "updates": 4, "corpus": str(tmp_path / "corpus")}
    found = run_job(job | {"tunes": 3})
    assert json.loads(json.dumps(found)) == found
    assert found["updates"] == 4
    assert [update for update, *_ in found["curve"]] == [2, 4]
    assert found["test"]["notes"] == 12
    assert found["composed"]["well_formed"] == 1.0
    assert found["playing"]["notes_per_second"] > 0
    assert run_job(job | {"tunes": 0})["composed"] is None
    scale = people_of(tiny_corpus)
    assert scale["tunes"] == 2
    assert scale["halves"].keys() == found["composed"]["distances"].keys()


def test_the_short_tables_stand_networks_side_by_side_and_name_what_each_ingredient_was_added_to():
    counted = [run("grid", 1, 5.0), run("note", 1, 4.5)]
    for record in counted:
        record["job"] |= {"minutes": None, "updates": 400}
    timed = [run("grid, lstm", seed, bits) for seed, bits in ((1, 5.0), (2, 5.25))]
    text = brief([*timed, run("grid, attention", 1, 4.75), run("note, lstm", 1, 4.0), *counted])
    assert cells(text, "grid") == ["grid", "5.12 (5.00 to 5.25)", "4.75", "4.00", "12", "10 (10 to 10)", "100"]
    assert cells(text, "note") == ["note", "4.00", "–", "4.00", "12", "10", "100"]
    assert cells(text, "no hold tokens") == ["no hold tokens", "grid", "+0.500"]
    assert "60 seconds of training on one core" in text
    assert "after 400 updates" in text

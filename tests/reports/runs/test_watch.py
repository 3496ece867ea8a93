"""A run that is watched: a melody at each check, what was counted once, the report, and what is shown of it."""

import io
import json
import math
import sys
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from outputs import names_in

from ritornello import atomic
from ritornello.cli.console import Console
from ritornello.cli.live_view import LiveView, describe_look
from ritornello.encoding import Grid, make_encoding
from ritornello.evaluate.scores import score_ngram
from ritornello.model.file import ModelFile
from ritornello.model.options import NetworkOptions
from ritornello.music.files import read
from ritornello.music.values import Melody, Metre, Note, Timeline
from ritornello.reports.runs import watch as watching
from ritornello.reports.runs.samples import Sample, make_sample, note_names, one_line_roll, opening_of
from ritornello.reports.runs.watch import watch
from ritornello.training.plan import TrainOptions
from ritornello.training.run.finetune import Base
from ritornello.training.run.folder import REPORT, load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request

pytest.importorskip("torch")

NETWORK = NetworkOptions(1, 16, 16)
OPTIONS = TrainOptions(
    updates=12, seed=3, streams=2, bptt_steps=24, peak_rate=0.02, threads=1, checks=4, dtype="fp32", device="cpu"
)
TWINKLE = (60, 60, 67, 67, 69, 69, 67)


def tune(pitches=TWINKLE, length=480, **timeline) -> Melody:
    notes = tuple(Note(length * n, length, pitch) for n, pitch in enumerate(pitches))
    return Melody(notes, Timeline(480, length * 8, (Metre(0, 4, 4),), **timeline))


@pytest.fixture
def training(tiny_corpus):
    return prepare_training(Request(NETWORK, Grid(), OPTIONS), tiny_corpus)


def test_each_check_leaves_a_melody_that_begins_as_the_held_out_tune_does(training, tiny_corpus, tmp_path):
    looks = list(watch(training, tmp_path))
    opening = [n.pitch for n in tiny_corpus.melodies("validation")[0].notes[:4]]
    files = [tmp_path / "samples" / name for name in names_in(tmp_path / "samples")]
    assert len(files) == len(looks) == 4
    assert files[0].name == f"epoch-{looks[0].check.epochs:07.2f}-update-000003.mid"
    for path, look in zip(files, looks, strict=True):
        notes = read(path)[0].parts[0].notes
        assert [n.pitch for n in notes[:4]] == opening
        assert [n.pitch for n in notes] == [n.pitch for n in look.sample.melody.notes]
        assert 0 < look.sample.figures.certainty <= 1


def test_checks_of_one_moment_of_an_epoch_leave_a_melody_each(tiny_corpus, tmp_path):
    options = replace(OPTIONS, streams=1, bptt_steps=2, updates=4)  # all within the first tune
    looks = list(watch(prepare_training(Request(NETWORK, Grid(), options), tiny_corpus), tmp_path))
    assert {f"{look.check.epochs:.1f}" for look in looks} == {"0.0"}
    assert len(names_in(tmp_path / "samples")) == 4


def test_the_coach_hears_the_network_by_itself_without_what_composing_adds(make_tensors):
    tensors = {name: np.zeros_like(value) for name, value in make_tensors(130).items()}
    tensors["output.bias"][60] = 40  # it knows nothing but to start this note again
    file = ModelFile(tensors, NetworkOptions(2, 16, 16), Grid(plain=True), {})
    sample = make_sample(file, None)
    heard = sample.figures
    assert (heard.notes, heard.pitch, heard.times, heard.sounding) == (64, 60, 64, 1.0)  # four bars of 16 steps
    assert len(sample.melody.notes) < 64  # a composed tune closes with a longer one


def test_the_coach_judges_the_bare_melody_and_the_certainty_of_the_one_that_is_heard():
    bare = tune((60, 60, 67, 67, 72, 72, 72))
    heard = Sample(tune(), (0.9, 0.9, 0.9, 0.9, 0.2, 0.4, 0.6), 4, bare).figures
    assert (heard.notes, heard.pitch, heard.times) == (3, 72, 3)
    assert heard.certainty == pytest.approx(0.4)


def test_an_encoding_that_cannot_compose_is_trained_without_melodies(tiny_corpus, tmp_path):
    encoding = make_encoding("miditok", tokenizer="TSD", config={"use_rests": True})
    looks = list(watch(prepare_training(Request(NETWORK, encoding, OPTIONS), tiny_corpus), tmp_path))
    assert [look.sample for look in looks] == [None] * 4
    assert (tmp_path / "report.html").exists()
    assert "heard" not in describe_look(looks[-1])


def test_the_line_to_beat_is_the_ngrams_on_the_tunes_that_are_watched(training, tiny_corpus, tmp_path):
    look = list(watch(training, tmp_path))[-1]
    expected = score_ngram(tiny_corpus, Grid(), "validation").bits_per_note
    assert look.log.ngram == pytest.approx(expected)
    told = json.loads((tmp_path / "coach.json").read_text())
    assert (
        told["tokens_per_note"]["held_out"] == (4 * 16 + 3) / 16
    )  # bars of sixteen steps, metre in two figures, end; notes


def test_bits_per_note_are_counted_from_nats_per_token(training, tmp_path):
    for look in watch(training, tmp_path):
        tokens = training.material.validation[0]
        notes = len(Grid().pitches(tokens))
        nats = look.check.validation_nll * len(tokens)
        assert look.point.validation == pytest.approx(nats / math.log(2) / notes)


def test_a_corpus_that_is_too_large_goes_without_the_line(training, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "MAX_NGRAM_NOTES", 10)
    assert list(watch(training, tmp_path))[-1].log.ngram is None


def test_many_checks_do_not_make_many_melodies(training, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "MAX_SAMPLES", 2)  # 12 updates: one in six
    looks = list(watch(training, tmp_path))
    assert [look.check.update for look in looks if look.sample] == [3, 9, 12]


def test_a_run_that_is_left_off_has_its_report(training, tmp_path):
    looks = watch(training, tmp_path)
    next(looks)
    assert not (tmp_path / "report.html").exists()
    looks.close()
    assert "report.html" in {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "last.safetensors").exists()


def test_a_disk_that_fills_up_is_told_once_and_by_its_first_victim(training, tmp_path, monkeypatch):
    looks = watch(training, tmp_path)
    next(looks)

    def full(path, content, *_, **__):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(atomic, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        list(looks)
    assert "report" not in str(caught.value.filename)


def test_a_run_that_is_gone_on_with_keeps_its_melodies_and_its_line(training, tiny_corpus, tmp_path, monkeypatch):
    looks = watch(training, tmp_path)
    first = [next(looks), next(looks)][1].log.ngram
    looks.close()
    monkeypatch.setattr(watching, "ngram_on_pairs", None)  # not to be counted again
    again = list(watch(prepare_training(Request(), tiny_corpus, load_checkpoint(tmp_path)), tmp_path))
    assert [look.check.update for look in again] == [9, 12]
    assert again[-1].log.ngram == first
    assert [s["update"] for s in json.loads((tmp_path / "coach.json").read_text())["samples"]] == [3, 6, 9, 12]
    assert len(names_in(tmp_path / "samples")) == 4


def test_a_new_run_clears_the_melodies_of_an_older_one(training, tmp_path):
    samples = tmp_path / "samples"
    older, edited, mine = (samples / f"{name}.mid" for name in ("epoch-0099.00", "epoch-0098.00", "epoch-0097.00"))
    for path in (older, edited):
        atomic.write_bytes(path, b"a melody", REPORT)
    edited.write_bytes(b"a better melody")
    mine.write_bytes(b"a melody of mine")
    list(watch(training, tmp_path))
    assert not older.exists()
    assert edited.read_bytes() == b"a better melody"
    assert mine.read_bytes() == b"a melody of mine"


def test_a_report_or_a_melody_that_somebody_changed_is_kept_and_named_once(training, tiny_corpus, tmp_path, capsys):
    looks = watch(training, tmp_path)
    next(looks), next(looks)
    looks.close()
    page, melody = tmp_path / "report.html", max((tmp_path / "samples").glob("*.mid"))
    load = load_checkpoint(tmp_path)
    page.write_text("with my notes")
    list(watch(prepare_training(Request(), tiny_corpus, load), tmp_path))
    assert page.read_text() == "with my notes"
    told = capsys.readouterr().err
    assert told.count("\n") == told.count("report.html: has changed since ritornello made it, so it is kept") == 1
    melody.write_bytes(b"mine")
    list(watch(prepare_training(Request(NETWORK, Grid(), OPTIONS), tiny_corpus), tmp_path))
    assert melody.read_bytes() == b"mine"


class Killed(BaseException):
    """As by kill -9: nothing more is saved."""


def killed_at_once(training, folder) -> None:
    """Train until the first update."""

    def kill(update: int, nll: float) -> None:
        raise Killed

    with pytest.raises(Killed):
        list(watch(training, folder, kill))


@pytest.fixture
def other_corpus(tiny_corpus):
    """The last four of the tunes to learn from: two of sixteen notes and two of twelve."""
    return tiny_corpus.selected(tiny_corpus.pieces[4:])


def test_of_a_run_that_was_replaced_nothing_is_left_even_where_the_new_one_is_killed(
    training, other_corpus, tmp_path
):
    list(watch(training, tmp_path))
    assert (tmp_path / "report.html").exists()
    killed_at_once(prepare_training(Request(NETWORK, Grid(), OPTIONS), other_corpus), tmp_path)
    assert names_in(tmp_path) == ["last.safetensors", "log.jsonl"]


def test_a_resumed_run_is_not_measured_by_what_was_counted_for_the_one_before_it(training, other_corpus, tmp_path):
    list(watch(training, tmp_path))
    old = (tmp_path / "coach.json").read_bytes()
    killed_at_once(prepare_training(Request(NETWORK, Grid(), OPTIONS), other_corpus), tmp_path)
    (tmp_path / "coach.json").write_bytes(old)  # as if it had been killed before that was taken away
    resumed = prepare_training(Request(), other_corpus, load_checkpoint(tmp_path))
    look = list(watch(resumed, tmp_path))[-1]
    assert look.log.notes == 2 * 16 + 2 * 12
    assert look.log.ngram == pytest.approx(score_ngram(other_corpus, Grid(), "validation").bits_per_note)


def test_time_left_shrinks_to_nothing(training, tmp_path):
    left = [look.seconds_left for look in watch(training, tmp_path)]
    assert left[0] > 0
    assert left[-1] == 0


@pytest.mark.parametrize("bound", [None, 60.0])
def test_before_the_first_update_only_the_plan_s_bound_says_how_long_it_takes(
    tiny_corpus, tmp_path, make_tensors, bound
):
    base = Base("base", ModelFile(make_tensors(153, scale=0.3), NetworkOptions(2, 16, 16), Grid()))
    training = prepare_training(Request(options=OPTIONS, base=base), tiny_corpus)
    training.metadata = replace(training.metadata, plan=replace(training.plan, seconds=bound))
    with closing(watch(training, tmp_path)) as looks:
        first = next(looks)
    assert first.check.update == 0
    assert math.isnan(first.seconds_left) if bound is None else 0 < first.seconds_left <= bound


def test_elsewhere_than_on_a_terminal_each_check_is_a_line_with_its_melody(training, tmp_path, capsys):
    with LiveView(Console(), training.plan.updates) as view:
        for look in watch(training, tmp_path, lambda update, nll: view.at(update, training.plan.updates)):
            view.show(look)
    lines = capsys.readouterr().out.splitlines()
    checks = [line for line in lines if "update" in line]
    assert len(checks) == 4
    assert all("bits per note  (n-gram" in line and "tokens/s" in line for line in checks)
    assert sum("sample: " in line and "% sure" in line for line in lines) == 4
    assert sum("n-gram" in line and "update" not in line for line in lines) >= 2  # first said, and said at the end


def test_quiet_says_nothing(training, tmp_path, capsys):
    with LiveView(Console(quiet=True), training.plan.updates) as view:
        for look in watch(training, tmp_path, lambda update, nll: view.at(update, training.plan.updates)):
            view.show(look)
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_curves_melody_and_advice_stand_below_one_another(training, tmp_path, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "90")
    with LiveView(Console(), training.plan.updates) as view:
        for look in watch(training, tmp_path, lambda update, nll: view.at(update, training.plan.updates)):
            view.show(look)
    last = screen.getvalue()
    assert "tokens/s" in last
    assert "sample of epoch" in last
    assert any(0x2800 < ord(sign) < 0x2900 for sign in last)


def test_a_check_without_validation_tunes_speaks_of_training_alone(training, tmp_path):
    look = next(watch(training, tmp_path))
    said = describe_look(replace(look, log=replace(look.log, has_validation=False, ngram=None)))
    assert "held-out" not in said
    assert "n-gram" not in said


def test_a_melody_is_one_line_of_blocks():
    assert one_line_roll(tune()) == "▁·▁·▆·▆·█·█·▆·"  # C C G G A A G in quarters, two signs each
    assert one_line_roll(tune(), width=4) == "▁·▁·"
    assert one_line_roll(tune((60,))) == "▁·"
    rested = Melody((Note(480, 480, 60), Note(1440, 480, 67)), Timeline(480, 1920, (Metre(0, 4, 4),)))
    assert one_line_roll(rested) == "  ▁·  █·"
    assert one_line_roll(Melody(())) == ""


def test_a_melody_is_named_bar_by_bar():
    assert note_names(tune()) == "C4 C4 G4 G4 | A4 A4 G4"
    assert note_names(tune(), width=10) == "C4 C4 G4…"


def test_what_was_heard_leaves_the_primer_out():
    heard = Sample(tune(), (0.9, 0.9, 0.9, 0.9, 0.2, 0.4, 0.6), 4).figures
    assert (heard.notes, heard.pitch, heard.times) == (3, 69, 2)
    assert heard.certainty == pytest.approx(0.4)
    assert heard.sounding == pytest.approx(3 / 4)  # three of the four quarters that follow
    silent = Sample(tune(), (0.9,) * 7, 7).figures
    assert (silent.notes, silent.sounding, silent.certainty) == (0, 0.0, 0.0)


def test_an_opening_is_four_notes_or_four_quarters_and_keeps_the_rest_before_it():
    assert [n.pitch for n in opening_of(tune()).notes] == [60, 60, 67, 67]
    halves = opening_of(tune(length=960))
    assert [n.pitch for n in halves.notes] == [60, 60]
    late = Melody((Note(960, 480, 60), Note(1440, 480, 62)), Timeline(480, 1920, (Metre(0, 4, 4),)))
    assert opening_of(late).notes[0].start == 960
    long = opening_of(tune((60, 62), length=480 * 9))
    assert [(n.pitch, n.duration) for n in long.notes] == [(60, 480 * 4)]
    with pytest.raises(ValueError, match="without notes"):
        opening_of(Melody(()))

"""What the coach says of a log, and when he holds his tongue."""

from dataclasses import replace

import pytest

from ritornello.reports.runs.coach import (
    Log,
    Point,
    SampleFigures,
    all_rests,
    beats_ngram,
    below_ngram,
    betters_base,
    clock,
    corpus_too_small,
    diagnose,
    final_line,
    keeps_base,
    memorises,
    more_time,
    one_note,
    rate_too_high,
    recurrent_weights,
    still_improving,
)

LSTM = {"layers": 2, "width": 256, "embedding": 256}
TINY = {"layers": 1, "width": 128, "embedding": 128}
LIVELY = SampleFigures(notes=16, pitch=60, times=5, sounding=0.9, certainty=0.3)


def log(held_out, training=None, **rest) -> Log:
    """One check per epoch, every 10 updates and 30 seconds."""
    training = training or held_out
    points = [Point(10 * n, float(n), 30.0 * n, t, h) for n, (h, t) in enumerate(zip(held_out, training), 1)]
    return Log(tuple(points), **{"notes": 100_000, "network": LSTM, "plan": {"peak_rate": 0.004}, **rest})


def tuned(base, held_out, training=None, **rest) -> Log:
    """The same for a run that began from a model, which was checked at update 0."""
    run = log(held_out, training, **rest)
    return replace(run, points=(Point(0, 0.0, 0.0, base, base), *run.points))


OVER = {"held_out": [6.0, 5.5, 5.2, 5.1, 5.3, 5.4], "training": [6.0, 5.4, 5.0, 4.6, 4.2, 3.9]}


def test_before_the_first_check_there_is_nothing_to_say():
    assert diagnose(Log(())) == []


def test_a_sample_that_stays_on_one_pitch_is_named_with_its_pitch():
    said = one_note(log([6.0], sample=LIVELY._replace(times=15)))
    assert "it only repeats one note (C4, 15 of 16): early in training that passes" in said


@pytest.mark.parametrize("find", [one_note, all_rests])
def test_what_is_said_of_a_sample_does_not_contradict_the_composed_melody_beside_it(find):
    run = log([6.0, 5.0, 5.0, 5.0], sample=SampleFigures(16, 60, 16, 0.05, 0.2))
    said = find(run)
    assert "left alone, without the rules that the melodies here are composed by" in said
    assert said.endswith("early in training that passes")
    assert find(replace(run, stopped="finished")).endswith("look at the corpus (`rito.show_corpus(CORPUS)`)")
    improving = log([6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], sample=run.sample, stopped="time")
    assert find(improving).endswith("early in training that passes")


@pytest.mark.parametrize("heard", [None, LIVELY, LIVELY._replace(times=14), SampleFigures(7, 60, 7, 0.9, 0.3)])
def test_a_lively_or_a_very_short_sample_is_not_called_one_note(heard):
    assert one_note(log([6.0], sample=heard)) is None


def test_a_sample_that_hardly_sounds_is_all_rests():
    assert all_rests(log([6.0], sample=SampleFigures(0, 0, 0, 0.0, 0.0))).startswith("all rests")
    assert all_rests(log([6.0], sample=SampleFigures(1, 60, 1, 0.06, 0.2))).startswith("all rests")
    assert all_rests(log([6.0], sample=LIVELY._replace(sounding=0.11))) is None
    assert all_rests(log([6.0])) is None


def test_training_that_falls_while_held_out_rises_memorises_since_the_best_epoch():
    said = memorises(log(**OVER))
    assert said.startswith("it memorises: training falls, validation rises since epoch 4;")


@pytest.mark.parametrize(
    ("held_out", "training"),
    [
        ([6.0, 5.5, 5.2, 5.1, 5.0, 4.9], [6.0, 5.4, 5.0, 4.6, 4.2, 3.9]),  # both fall
        ([6.0, 5.5, 5.2, 5.1, 5.3], [6.0, 5.4, 5.0, 4.6, 4.2]),  # one worse check
        ([6.0, 5.5, 5.2, 5.1, 5.15, 5.16], [6.0, 5.4, 5.0, 4.6, 4.2, 3.9]),  # within the error of a check
        ([6.0, 5.5, 5.2, 5.1, 5.6, 5.7], [6.0, 5.4, 5.0, 4.6, 5.2, 5.4]),  # training rises too
    ],
)
def test_what_is_not_memorising_is_not_called_so(held_out, training):
    assert memorises(log(held_out, training)) is None


def test_without_held_out_tunes_nobody_can_say_that_it_memorises():
    assert memorises(log(**OVER, has_validation=False)) is None


def test_a_corpus_too_small_for_a_large_network_is_told_to_try_a_smaller_one():
    said = corpus_too_small(log(**OVER, notes=5_000))
    assert said.startswith("your corpus is too small for this network (5,000 notes, 1,050,624 weights)")
    assert said.endswith('try preset="tiny" or base="hymns-and-songs"')


def test_the_smallest_network_is_not_told_to_become_smaller():
    assert corpus_too_small(log(**OVER, notes=5_000, network=TINY)).endswith(
        'add tunes, or try base="hymns-and-songs"'
    )


def test_a_corpus_is_not_too_small_where_it_is_large_or_nothing_is_memorised():
    assert corpus_too_small(log(**OVER, notes=100_000)) is None
    assert corpus_too_small(log([6.0, 5.5, 5.2], notes=5_000)) is None
    assert corpus_too_small(log(**OVER, notes=0)) is None


@pytest.mark.parametrize("stopped", ["finished", "time"])
def test_a_run_that_ended_while_it_was_learning_wants_more_time(stopped):
    said = still_improving(log([6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], stopped=stopped))
    assert said.startswith('still improving: give it more time, `rito.train(out="RUN", resume=True, minutes="+4")` (')
    assert "gained 0.20 bits" in said  # from the check at three quarters, 5.3, to the last, 5.1


def test_more_time_is_as_much_again_for_the_run_in_its_folder():
    run = log([6.0, 5.8, 5.6, 5.5, 5.4, 5.3], stopped="finished", folder="my runs/one")
    assert '`rito.train(out="my runs/one", resume=True, minutes="+3")`' in still_improving(run)
    assert more_time("run", 7) == 'rito.train(out="run", resume=True, minutes="+1")'


@pytest.mark.parametrize(
    "run",
    [
        log(
            [6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.15, 5.1, 4.9, 5.05, 5.06],
            [6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1, 5.0, 4.9, 4.8, 4.7],
            stopped="finished",
        ),
        log([6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], setbacks=1, stopped="finished"),
    ],
    ids=["memorises", "rate too high"],
)
def test_more_time_is_not_advised_where_something_else_is_wrong(run):
    assert memorises(run) or rate_too_high(run)
    assert not any("more time" in found.text for found in diagnose(run))


def test_of_a_run_at_its_end_nothing_is_said_to_come_yet():
    run = log([6.0, 5.75], ngram=5.5, stopped="early")
    assert below_ngram(run) == "it has not beaten the n-gram: 0.25 bits per note are missing"


@pytest.mark.parametrize(
    ("held_out", "stopped"),
    [
        ([6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], ""),  # it still runs
        ([6.0, 5.8, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], "early"),
        ([6.0, 5.2, 5.15, 5.13, 5.12, 5.11, 5.10, 5.10], "finished"),  # it has come to rest
        ([6.0, 5.0, 5.6, 5.5, 5.4, 5.3, 5.2, 5.1], "finished"),  # the best lies behind
        ([6.0, 5.0, 4.0], "finished"),  # too short to judge
    ],
)
def test_a_run_is_not_sent_on_without_reason(held_out, stopped):
    assert still_improving(log(held_out, stopped=stopped)) is None


def test_ways_back_blame_the_learning_rate_and_name_the_one_that_it_went_on_with():
    assert rate_too_high(log([6.0], setbacks=1)) == (
        "the learning rate is too high: it went back once to the last good point; try peak_rate=0.002"
    )
    assert rate_too_high(log([6.0], setbacks=3)).endswith("3 times to the last good point; try peak_rate=0.0005")
    assert rate_too_high(log([6.0], setbacks=1, plan={})).endswith("try a lower peak_rate=")


def test_a_run_that_blew_up_at_the_last_rate_too_is_told_half_of_that():
    said = rate_too_high(log([6.0], setbacks=3, stopped="diverged"))  # 0.004, 0.002, 0.001 and 0.0005 were tried
    assert said.endswith("try peak_rate=0.00025")


def test_training_that_gets_much_worse_for_two_checks_blames_it_too():
    assert "rose from 5.00 to 5.60" in rate_too_high(log([6.0, 5.0, 5.7, 5.6]))
    assert rate_too_high(log([6.0, 5.0, 5.1, 5.7])) is None  # one check
    assert rate_too_high(log([6.0, 5.0, 5.4, 5.4])) is None


def test_the_check_of_a_base_before_it_learns_is_no_training_to_rise_from():
    base = Point(0, 0.0, 0.0, 4.4, 4.4)
    learned = log([4.3, 4.2, 4.1], [5.2, 5.1, 5.0])
    assert rate_too_high(replace(learned, points=(base, *learned.points))) is None
    assert rate_too_high(replace(learned, points=(base,))) is None


def test_it_says_since_when_the_ngram_is_beaten():
    run = log([6.0, 5.4, 5.2, 5.25], ngram=5.5)
    assert beats_ngram(run) == "it beats the n-gram since epoch 2.0 (1:00), its best by 0.30 bits per note"
    assert below_ngram(run) is None


def test_it_says_how_far_the_ngram_is():
    run = log([6.0, 5.75], ngram=5.5)
    assert below_ngram(run) == "it has not beaten the n-gram yet: 0.25 bits per note to go"
    assert beats_ngram(run) is None
    assert beats_ngram(replace(run, ngram=None)) is None
    assert below_ngram(replace(run, ngram=None)) is None


def test_what_the_base_did_is_not_the_tuned_run_s():
    run = tuned(4.4, [4.37, 4.34, 4.36], ngram=6.0)
    assert beats_ngram(run) is None
    assert betters_base(run) == "it is 0.06 bits per note better than the model it began from"
    assert keeps_base(run) is None
    assert final_line(run) == (
        "learned: 4.34 bits per note on validation tunes, 0.06 fewer than the model it began from; an n-gram has 6.00"
    )


def test_a_base_that_stays_best_leaves_nothing_gained():
    run = tuned(4.4, [4.42, 4.398, 4.5], ngram=6.0)  # two thousandths are nothing
    assert betters_base(run) is None
    assert keeps_base(run) == "nothing was gained yet over the model it began from"
    over = replace(run, stopped="finished")
    assert keeps_base(over) == "nothing was gained over the model it began from"
    assert final_line(over).startswith("nothing was gained over the model it began from: 4.40 bits per note")
    assert not any(d.is_good for d in diagnose(over))


def test_a_base_is_not_judged_before_it_has_learned_nor_where_there_is_none():
    assert keeps_base(tuned(4.4, [])) is None
    assert (betters_base(log([4.4, 4.3])), keeps_base(log([4.4, 4.3]))) == (None, None)
    assert log([4.4]).base is None
    assert tuned(4.4, [4.3]).base == 4.4


def test_a_tuned_run_that_passes_the_ngram_by_itself_may_say_so():
    assert beats_ngram(tuned(6.5, [6.2, 5.8], ngram=6.0)).startswith("it beats the n-gram since epoch 2.0")


def test_a_tuned_run_memorises_by_what_it_was_trained_on_not_by_its_base():
    # Dropout makes the training number of a run larger than that of its base, which was checked without.
    run = tuned(4.4, [4.5, 4.6, 4.7], [5.2, 4.9, 4.6], notes=5_000)
    assert memorises(run) == (
        "it memorises: training falls, validation rises since epoch 0; what is kept is the model it began from"
    )
    assert corpus_too_small(run).endswith("add tunes")
    assert memorises(tuned(4.4, [4.5, 4.6, 4.7], [5.2, 5.2, 5.2])) is None


def test_what_is_most_urgent_comes_first_and_good_news_is_marked():
    found = diagnose(log(**OVER, ngram=5.5, notes=5_000, sample=LIVELY._replace(times=16), setbacks=1))
    assert [d.name for d in found] == ["rate_too_high", "one_note", "memorises", "corpus_too_small", "beats_ngram"]
    assert [d.is_good for d in found] == [False, False, False, False, True]


def test_the_final_line_says_what_was_learned_over_the_ngram():
    assert final_line(log([6.0, 5.2, 5.3], ngram=5.5)) == (
        "learned: 5.20 bits per note on validation tunes, 0.30 fewer than the n-gram's 5.50"
    )
    assert "0.70 more than the n-gram's 4.50" in final_line(log([6.0, 5.2], ngram=4.5))
    assert final_line(log([6.0, 5.2])).startswith(
        "learned: 5.20 bits per note on validation tunes (without an n-gram"
    )
    assert "there were no validation tunes" in final_line(log([6.0, 5.2], has_validation=False))


def test_weights_are_those_of_the_recurrent_layers():
    assert recurrent_weights(TINY) == 131_584  # 4 x 128 x (128 + 128 + 1)
    assert recurrent_weights(LSTM) == 1_050_624  # 2 x 4 x 256 x 513
    assert recurrent_weights({}) == 0


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (187, "3:07"), (3_725, "1:02:05"), (float("nan"), "?")]
)
def test_clock(seconds, said):
    assert clock(seconds) == said

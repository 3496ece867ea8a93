"""Runs and models of earlier versions: they load, are resumed, and compose as they did.

tests/fixtures/old/run was begun at commit 7e40e58 with the options below and interrupted at update 7.
"""

import shutil
from pathlib import Path

import pytest

from ritornello import api
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request

OLD = Path(__file__).parents[2] / "fixtures/old/run"
VALIDATION_NLL = [3.33799282924549, 2.031167034663864, 1.6819044378951091, 1.6309903986135346]  # uninterrupted
COMPOSED = [  # with seed 1 and bars 4: start, duration and pitch of each note, in ticks
    (0, 320, 68), (320, 40, 57), (360, 240, 57), (600, 800, 57), (1400, 1320, 58), (2720, 20, 65), (2740, 3120, 59),
]  # fmt: skip


def test_a_run_of_an_earlier_version_is_resumed_to_the_same_end(tiny_corpus, tmp_path):
    run = shutil.copytree(OLD, tmp_path / "run")
    training = prepare_training(Request(), tiny_corpus, load_checkpoint(run))
    assert (training.progress.update, training.encoding.name) == (7, "interval")
    for _ in training.checks(run):
        pass
    assert [line["validation_nll"] for line in training.log] == pytest.approx(VALIDATION_NLL, abs=1e-6)


def test_a_model_of_an_earlier_version_composes_the_same_melody():
    melody = api.load_model(OLD).generate(bars=4, seed=1).melody
    assert [(n.start, n.duration, n.pitch) for n in melody.notes] == COMPOSED

"""Runs and models of earlier versions whose networks had copy gates: refused, in a line that says what to do.

tests/fixtures/old/run was begun at commit 7e40e58 and interrupted at update 7.
"""

import shutil
from pathlib import Path

import pytest

import ritornello as rito
from ritornello.model.file import ModelFileError
from ritornello.training.run.folder import load_checkpoint
from ritornello.training.run.prepare import prepare_training
from ritornello.training.run.request import Request

OLD = Path(__file__).parents[2] / "fixtures/old/run"


def test_a_model_with_copy_gates_is_refused_with_the_way_to_a_new_one():
    with pytest.raises(ModelFileError, match=r"copy gates .* train it anew with `rito\.train\(CORPUS\)`"):
        rito.load_model(OLD)


def test_a_run_with_copy_gates_is_not_resumed_and_stays_as_it_is(tiny_corpus, tmp_path):
    run = shutil.copytree(OLD, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    with pytest.raises(ValueError, match="copy gates"):
        prepare_training(Request(), tiny_corpus, load_checkpoint(run))
    assert {name: (run / name).read_bytes() for name in before} == before


def test_a_model_of_an_earlier_version_without_them_still_composes():
    assert rito.load_model("grid").generate(bars=2, seed=1).melody.notes

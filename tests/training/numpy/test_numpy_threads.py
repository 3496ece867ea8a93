"""The plan's threads are those that NumPy's products use."""

import numpy as np
import pytest
from trainers import make_engine, train

from ritornello.model.blas import blas_threads, limit_blas


@pytest.fixture(autouse=True)
def as_before():
    before = blas_threads()
    if before is None:
        pytest.skip("NumPy's BLAS here cannot be asked for its threads")
    yield
    limit_blas(before)


def test_a_limit_holds_until_the_next():
    for threads in (2, 1):
        assert limit_blas(threads)
        assert blas_threads() == threads


def test_an_engine_uses_the_threads_of_its_plan():
    for threads in (2, 1):
        engine = make_engine("numpy", threads=threads)
        assert blas_threads() == threads
        assert np.isfinite(train(engine, 2)).all()

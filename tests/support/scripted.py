"""A network that reports what a test wrote down for it, and a short plan to train it by."""

import numpy as np

from ritornello.training.data import Batch
from ritornello.training.plan import Plan

TUNES = [np.array([132, 60, 128, 62, 144], np.int16)] * 4


class Scripted:
    """A learner that reports the given nlls, and remembers the learning rates that it was given."""

    def __init__(self, checks: list[float], nlls: list[float] | None = None):
        self.checks, self.nlls, self.rates = list(checks), nlls, []

    def update(self, batch: Batch, rate: float) -> float:
        self.rates.append(rate)
        return self.nlls[len(self.rates) - 1] if self.nlls else 1.0

    def nll(self, melodies) -> float:
        return self.checks.pop(0)


def short_plan(updates: int = 8, check_every: int = 2, patience: int = 3, seconds: float | None = None) -> Plan:
    return Plan(updates, check_every, patience, 2, 4, 0.01, 0.0, 1, 0.1, "fp32", 1, "cpu", 0, seconds)

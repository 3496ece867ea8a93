"""How far a run has come, and what the clock makes of its plan.

A speed that was measured before the first update says little on a machine that others use too. A run that trains by
time therefore counts its own updates and seconds: after each check it is planned anew, longer or shorter. All else
follows the plan by the number of the update, so that a resumed run that has the same revisions does the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ritornello.training.plan import CHECK_SECONDS, DEFAULT_PATIENCE, NGRAM_SECONDS, Plan, check_pause

FIRST_CHECK_SECONDS = 5.0  # of learning before the first check, so that it is shown within ten
MARGIN, MOST_MARGIN = 0.03, 3.0  # of the time, and seconds: for the report at the end
WORTHWHILE = 0.05  # of the time: with less of it left a run that has made its updates is at its end
LEARNING_PER_CHECK = 4  # seconds of learning for each second of checks, at least


@dataclass(frozen=True)
class Revision:
    """A new length of the plan. update, seconds: when. revised: updates in all, from now on."""

    update: int
    seconds: float
    revised: int


@dataclass
class Progress:
    """How far a run has come."""

    update: int = 0
    checked: int = 0  # update of the last check; -1: there is one before the first update
    best: float = math.inf  # lowest validation nll
    best_update: int = 0
    since_best: int = 0  # checks
    blow_ups: int = 0  # each of which has halved the learning rate
    seconds: float = 0.0
    epochs: float = 0.0  # at the last check
    stopped: str = ""
    note: str = ""  # for the next check
    recent: list[float] = field(default_factory=list)  # nll of each update since the last check
    updates: int = 0  # in all, as revised last; 0: as planned
    revised: int = 0  # update of the last check after which the plan was revised
    made: int = 0  # updates, with those that were undone
    checked_at: float = 0.0  # seconds at the last check
    check_seconds: float = CHECK_SECONDS + NGRAM_SECONDS  # that it took, with the sample and the report after it
    learning_since: float = 0.0  # seconds, when it was over
    other_seconds: float = 0.0  # not spent on learning

    def is_late(self, plan: Plan) -> bool:
        """Tell whether the plan's time is up, but for the last check."""
        return plan.seconds is not None and self.seconds >= self._end(plan)

    def is_check_due(self, plan: Plan) -> bool:
        """Tell whether to check now: after so many updates or seconds, and at the end."""
        if self.update <= self.checked:
            return False
        if self.checked < 0 or self.update == plan.updates or self.is_late(plan):
            return True
        is_early = plan.is_early(self.update)
        if plan.check_seconds is None:
            return is_early or self.update % plan.check_every == 0
        has_room = self.seconds + self.check_seconds < self._end(plan)  # for this one and the last
        # A few tunes are learned, and over-fitted, sooner than seconds are up.
        is_enough = plan.updates == plan.most_updates and self.update % plan.check_every == 0
        return has_room and (is_early or is_enough or self.seconds - self.learning_since >= self._pause(plan))

    def is_over(self, plan: Plan) -> bool:
        """Tell whether all updates are made, and the time does not allow many more."""
        if self.update != plan.updates or plan.check_seconds is None or plan.updates == plan.most_updates:
            return self.update == plan.updates
        assert plan.seconds is not None
        return self._end(plan) - self.seconds <= self.check_seconds + WORTHWHILE * plan.seconds

    def is_revision_due(self, plan: Plan) -> bool:
        """Tell whether no revision of the plan has followed the last check yet."""
        return plan.check_seconds is not None and self.checked != self.revised

    def revise(self, plan: Plan) -> Revision:
        """Plan so many updates as the time left allows, at the mean speed so far.

        Before the first update there is no speed, and the plan stays.
        """
        self.revised, self.check_seconds = self.checked, self.seconds - self.checked_at
        self.other_seconds += self.check_seconds
        self.learning_since = self.seconds
        made, left = max(self.made, self.update), max(0.0, self._end(plan) - self.seconds)
        self.updates = plan.updates
        if made:
            checks = int(left / (self._pause(plan) + self.check_seconds))
            speed = made / max(1e-9, self.seconds - self.other_seconds)
            planned = self.update + max(1, int(speed * (left - checks * self.check_seconds)))
            self.updates = min(planned, plan.most_updates or planned)
        return Revision(self.update, self.seconds, self.updates)

    def _end(self, plan: Plan) -> float:
        """Compute the seconds at which learning has to end: one more check needs its time."""
        assert plan.seconds is not None
        if plan.check_seconds is None:
            return plan.seconds
        margin = min(MARGIN * plan.seconds, MOST_MARGIN)
        return max(plan.seconds / 2, plan.seconds - margin - self.check_seconds)

    def _pause(self, plan: Plan) -> float:
        """Compute the seconds of learning between two checks, or before the first."""
        assert plan.check_seconds is not None
        pause = max(plan.check_seconds, LEARNING_PER_CHECK * self.check_seconds)
        return pause if self.revised > 0 else min(plan.check_seconds, FIRST_CHECK_SECONDS)


def with_more_time(plan: Plan, progress: Progress, seconds: float) -> Plan:
    """Give a run so many seconds more, however it has ended; its plan is to be revised."""
    so_far = progress.seconds if progress.stopped or plan.seconds is None else plan.seconds
    progress.stopped, progress.since_best, progress.revised = "", 0, -1
    progress.checked_at = progress.seconds - min(progress.check_seconds, progress.seconds)
    return replace(
        plan,
        seconds=so_far + seconds,
        check_seconds=check_pause(seconds),
        most_updates=None,
        patience=min(plan.patience, DEFAULT_PATIENCE),
    )

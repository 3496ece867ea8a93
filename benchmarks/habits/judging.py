"""What each habit may be, beside people's: the rows of the table, each of which can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

MARGIN = 0.02  # beyond the band of people's halves
RETURNING = 0.2  # of people's share
DRAWS = 1.02
ANY, ONE = (0.0, 10.0), (1.0, 1.0)  # temperatures at which a row is judged, least and most

Limits = tuple[float, float]


class Habit(NamedTuple):
    """A row.

    limits: least and most, from people's share and the band of their halves. judged: at which temperatures.
    form: how its figures are written.
    """

    title: str
    limits: Callable[[float, float], Limits]
    judged: tuple[float, float] = ANY
    form: str = "{:.1%}"


def near(share: float, band: float) -> Limits:
    """Allow the band of halves and two points."""
    return share - band - MARGIN, share + band + MARGIN


def returning(share: float, band: float) -> Limits:
    """Allow the band of halves and two points, or a fifth of people's share; never less than half of theirs.

    Few bars return: without the last, tunes in which none does would pass.
    """
    width = max(band + MARGIN, RETURNING * share)
    return max(share - width, share / 2), share + width


def up_to(times: float, more: float) -> Callable[[float, float], Limits]:
    """Allow so many times people's share, and so much more."""
    return lambda share, _: (0.0, times * share + more)


def around(width: float) -> Callable[[float, float], Limits]:
    """Allow a share so far from people's."""
    return lambda share, _: (share - width, share + width)


HABITS = {
    "downbeat": Habit("last note on the downbeat", near, ONE),
    "hammered": Habit("last bar of three or more notes all tonic", near, ONE),
    "last_beat": Habit("last note on the last beat", near, ONE),
    "tonic": Habit("tonic endings", near, ONE),
    "draws": Habit("draws per tune", lambda *_: (1.0, DRAWS), ANY, "{:.3f}"),
    "draws_in_minor": Habit("draws per tune, A minor asked for", lambda *_: (1.0, DRAWS), ANY, "{:.3f}"),
    "run": Habit("longest run shared with training, median notes", up_to(1, 1), ANY, "{:.0f}"),
    "long_run": Habit("a run of 12 notes or more shared", up_to(1, 0.01)),
    "loops": Habit("1, 2 or 4 bars four times in a row", up_to(2, 0.005)),
    "loops_but_one": Habit("the same, but for one note", up_to(1, 0.02)),
    "rounds": Habit("1 to 4 notes going round for 16", up_to(2, 0.005)),
    "rounds_but_one": Habit("the same, but for one note", up_to(1, 0.02)),
    "unreadable": Habit("off every readable grid", lambda *_: (0.0, 0.0)),
    **{
        f"{kind}_after_{bars}": Habit(f"bars that return after {bars}, {words}", returning, ONE)
        for bars in (4, 8, 16)
        for kind, words in (("exact", "exactly"), ("moved", "moved"), ("rhythm", "in rhythm alone"))
    },
    "far_key": Habit("keys of five accidentals or more", around(0.03), ONE),
}


def rows_of(people: dict[str, Any], composed: dict[str, Any], **place: Any) -> list[dict[str, Any]]:
    """Judge the habits of a part.

    people, composed: parts as `counting` makes them. place: model, bars, temperature and guards, which each row
    bears. Returns rows with people's share, the limits, the composed share, and whether it passes, None where the
    habit is not judged at this temperature.
    """
    rows = []
    for name, habit in HABITS.items():
        if name not in composed["shares"]:
            continue
        share, own = people["shares"].get(name), composed["shares"][name]
        least, most = habit.limits(share or 0.0, people["bands"].get(name, 0.0))
        is_judged = habit.judged[0] <= place["temperature"] <= habit.judged[1]
        passes = bool(least <= own <= most) if is_judged else None
        rows.append(
            {**place, "habit": name, "people": share, "least": least, "most": most, "composed": own, "passes": passes}
        )
    return rows

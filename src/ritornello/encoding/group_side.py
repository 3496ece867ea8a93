"""Side inputs and echoes of a whole tune in groups at once; `group_tracker` says the same group by group."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ritornello.encoding.durations import TICKS
from ritornello.encoding.echoes import codes, echo_columns, followed, matched, matches, moved, stood
from ritornello.encoding.group_layout import Laid
from ritornello.encoding.side_inputs import BARS_AGO, Past, Present, fitting_key, past_at, side_columns


class Found(NamedTuple):
    """What followed a match, (N, 3) of what, length and pitch, and the match's strength, (N,); 0 for none."""

    events: np.ndarray
    strength: np.ndarray


def side_rows(encoding: Any, laid: Laid) -> np.ndarray:
    """(groups + 1, columns) int16: what is known before each of the whole groups, and after the last."""
    before = np.arange(len(laid.time))  # groups before each row
    metre = np.where(before > 0, laid.metre, -1)
    bar, beat = encoding.bars[metre], encoding.beats[metre]
    notes = np.flatnonzero(laid.is_note)
    last = np.append(-1, laid.pitch[notes])[notes.searchsorted(before)]
    base = _bases(encoding, laid, last)
    music = np.flatnonzero(laid.ticks)
    events = np.stack([laid.what[music], laid.index[music], laid.pitch[music]], 1)
    ago = {}
    if encoding.ago:
        past = past_at(times_ago(encoding, laid.time, bar), laid.time[music], events)
        ago = written_now(encoding, past, base)
    now = Present(laid.time, bar, beat, metre, _keys(encoding, laid, before), last, ago)
    columns = side_columns(encoding.inputs, now, TICKS)
    if not encoding.echoes:
        return columns
    found = _found(encoding, events, music.searchsorted(before), base + encoding.lowest)
    return np.hstack([columns, group_echoes(encoding, ago, found)])


def times_ago(encoding: Any, time: np.ndarray, bar: np.ndarray) -> np.ndarray:
    """(len(encoding.ago), N): the times to look at, from these on."""
    return time - bar * np.array([BARS_AGO[name] for name in encoding.ago], np.int64)[:, None]


def written_now(encoding: Any, past: Past, base: np.ndarray) -> dict[str, Past]:
    """By the names of `encoding.ago`, what stood there, its pitch as it would be written now, counted from `base`."""
    again = past.pitch - base - encoding.lowest
    # Only where tokens that are not legal came before can a pitch be out of reach; then the nearest id stands for it.
    again = np.clip(again, 0, encoding.ids.rest - 1)
    what = np.where(past.pitch < 0, past.what, again)
    return {name: Past(what[n], past.length[n], past.pitch[n]) for n, name in enumerate(encoding.ago)}


def group_echoes(encoding: Any, ago: dict[str, Past], found: dict[str, Found]) -> np.ndarray:
    """(N, 3 * echoes) int16: the columns of the echoes. found: what those that match events came upon."""
    first = encoding.ids.length - encoding.ids.second
    names = [echo.name for echo in encoding.echoes]
    return echo_columns([stood(ago[n], first) if n in ago else followed(*found[n], first) for n in names])


def _found(encoding: Any, events: np.ndarray, before: np.ndarray, base: np.ndarray) -> dict[str, Found]:
    """What each match of events comes upon with so many of them before each row; base: see `moved`."""
    found = {}
    pitches = np.append(-1, events[:, 2])  # of the event before each, and of the last
    for name in matched(encoding.echoes):
        places, strength = matches(codes(name, events, pitches[:-1]))
        some = events if len(events) else np.zeros((1, 3), np.int64)
        places, strength = places[before], strength[before]
        there = some[places]
        if name == "sequence":
            there = moved(there, pitches[places], pitches[before], base, encoding.ids.rest)
        found[name] = Found(there, strength)
    return found


def _bases(encoding: Any, laid: Laid, last: np.ndarray) -> np.ndarray:
    """What pitches are counted from before each group."""
    reference = np.full(len(last), laid.key[1] if laid.key else 0)
    return np.where(last >= 0, last, reference) if encoding.is_chained else reference


def _keys(encoding: Any, laid: Laid, before: np.ndarray) -> np.ndarray:
    """The key input before each group."""
    if encoding.is_keyed:
        return np.where(before > laid.key[2], laid.key[0], -1) if laid.key else np.full(len(before), -1)
    if "key" not in encoding.inputs and "degree" not in encoding.inputs:
        return np.full(len(before), -1)
    events = np.flatnonzero(laid.starts)
    sounding = np.append(-1, laid.pitch[events])[events.searchsorted(before[:-1], "right")]
    heard = np.zeros((len(before), 12))
    rows = np.flatnonzero(sounding >= 0)
    heard[rows + 1, sounding[rows] % 12] = laid.ticks[rows]
    return fitting_key(heard.cumsum(0))

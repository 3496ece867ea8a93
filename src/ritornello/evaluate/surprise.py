"""What each note of a melody costs a model: bits of its pitch, of its duration and of the rest, entropy and rank.

Every bit of a melody belongs to one note, so that the bits of its notes add up to the melody's.

    pitch_bits      the pitch, given that a note begins: what models of melodic expectation predict
    duration_bits   how long it sounds. Where a step of the grid is a token: all tokens while it sounds, and that the
                    next one ends it; that a note follows at once is said with that
    other_bits      the rest: metre, key and silence before the note, and that a note comes at all; with the last
                    note also what follows it, such as the end

Entropy in bits is that of the distribution which the pitch, or the duration, was drawn from, before it was known: the
uncertainty of Hansen & Pearce 2014, "Predictive uncertainty in auditory sequence processing" (Frontiers in Psychology
5). Rank counts from 1, the likeliest.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ritornello.encoding import MelodyEncoding
from ritornello.evaluate.scores import TuneScore
from ritornello.model.network import Network, cross_entropy
from ritornello.model.scoring import logits_of
from ritornello.music.values import Melody

NOTE_COSTS = np.dtype(
    [
        ("start", "f8"), ("duration", "f8"), ("pitch", "i2"), ("bits", "f8"), ("pitch_bits", "f8"),
        ("duration_bits", "f8"), ("other_bits", "f8"), ("pitch_entropy", "f8"), ("pitch_rank", "i4"),
        ("duration_entropy", "f8"), ("duration_rank", "i4"),
    ]
)  # fmt: skip
"""One note: start and duration in quarters as the tokens spell them; `bits` is the sum of the three after `pitch`.
duration_entropy is NaN and duration_rank 0 where no single token says the duration."""


def note_costs(network: Network, encoding: MelodyEncoding, melodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compute what each note of token sequences costs, (notes,) of NOTE_COSTS for each.

    Each is scored from its beginning with its whole history. Raises ValueError for one that spells no note, and for
    an encoding of letters, whose tokens are no notes.
    """
    if not hasattr(encoding, "started") and not hasattr(encoding.tracker(), "pitches"):
        raise ValueError(
            f"a model in the encoding {encoding.name!r} tells no note from its length: what each note costs is not "
            "known; bits per note of whole tunes are (ritornello evaluate)"
        )
    found: list[np.ndarray] = [np.zeros(0, NOTE_COSTS)] * len(melodies)
    for n, logits in logits_of(network, encoding, melodies):
        found[n] = _costs(encoding, melodies[n], logits)
    return found


def _costs(encoding: MelodyEncoding, tokens: np.ndarray, logits: Sequence[np.ndarray]) -> np.ndarray:
    """Divide what the tokens of a melody cost among its notes.

    logits: of each part, (groups, ids).
    """
    parts = len(encoding.parts)
    ids = tokens.astype(np.int64) - np.resize([sum(encoding.parts[:part]) for part in range(parts)], len(tokens))
    nats = np.zeros(len(tokens))
    for part, rows in enumerate(logits):
        theirs = ids[part::parts]
        nats[part::parts] = cross_entropy(rows[: len(theirs)], theirs)
    tracker, ledger = encoding.tracker(), _Ledger(parts == 1)
    for place, bits in enumerate((nats / math.log(2)).tolist()):
        group, part = divmod(place, parts)
        ledger.settle(tracker)
        ledger.enter(tracker, encoding, part, int(ids[place]), logits[part][group], bits)
        tracker.advance(int(tokens[place]))
    ledger.settle(tracker)
    return ledger.closed(encoding.decode(tokens))


def costs_csv(
    names: Sequence[str], scores: Sequence[Sequence[TuneScore]], tables: Sequence[Sequence[np.ndarray]]
) -> str:
    """Write costs of notes as CSV with a header line.

    names: of the models. scores, tables: (models, melodies), what was scored and its costs. Melodies and notes are
    counted from 1; a field of NOTE_COSTS without a value stays empty.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["model", "source", "title", "melody", "note", *(NOTE_COSTS.names or ())])
    for name, tunes, costs in zip(names, scores, tables, strict=True):
        for number, (tune, table) in enumerate(zip(tunes, costs, strict=True), 1):
            about = [name, tune.source, tune.title, number]
            for place, row in enumerate(table.tolist(), 1):
                rows.writerow([*about, place, *map(_cell, row, NOTE_COSTS.names or ())])
    return text.getvalue()


def _cell(value: float, name: str) -> str:
    is_known = not math.isnan(value) and (value or not name.endswith("rank"))
    return f"{value:.9g}" if is_known else ""


@dataclass
class _Place:
    """The place in a melody before a group of tokens, and what they cost."""

    sounding: int
    time: int
    bits: float = 0.0


class _Ledger:
    """The costs of one melody, token by token. is_stepwise: each step of the grid is a token."""

    def __init__(self, is_stepwise: bool):
        self._is_stepwise = is_stepwise
        self._notes: list[dict[str, Any]] = []
        self._unassigned = 0.0  # bits of what comes before a note
        self._group: _Place | None = None  # one that begins no note: what it is shows when it has been read
        self._in_note = False  # the group that begins a note goes on

    def enter(self, tracker: Any, encoding: Any, part: int, token: int, logits: np.ndarray, bits: float) -> None:
        """Enter a token of the due part before the tracker has read it. logits: (ids,) of that part."""
        sounding = getattr(tracker, "sounding", -1)
        if part and self._in_note:
            self._add_duration(token, logits, bits)
            return
        if part and self._group:
            self._group.bits += bits
            return
        pitches = tracker.pitches() if hasattr(tracker, "pitches") else encoding.started
        self._in_note = bool(pitches[token] >= 0)
        if not self._in_note:
            self._group = _Place(sounding, getattr(tracker, "time", 0), bits)
            return
        chances = _softmax(logits)
        by_pitch = np.bincount(pitches[pitches >= 0], chances[pitches >= 0], 128)
        own, begins = by_pitch[pitches[token]], by_pitch.sum()
        pitch_bits, begin_bits = math.log2(begins / own), -math.log2(begins)
        if self._is_stepwise and sounding >= 0:  # the note before ends here
            self._notes[-1]["duration_bits"] += begin_bits
        else:
            self._unassigned += begin_bits
        spelling = bits - pitch_bits - begin_bits  # a label of `lookback` and a plain token may mean one pitch
        rest = spelling if spelling > 1e-9 else 0.0  # less is rounding
        entropy, rank = _entropy(by_pitch / begins), 1 + int((by_pitch > own).sum())
        self._notes.append({
            "pitch_bits": pitch_bits, "duration_bits": 0.0, "other_bits": self._unassigned + rest,
            "pitch_entropy": entropy, "pitch_rank": rank, "duration_entropy": math.nan, "duration_rank": 0,
        })  # fmt: skip
        self._unassigned = 0.0

    def settle(self, tracker: Any) -> None:
        """Assign the group before, now that the tracker has read it, if it is whole."""
        if self._group is None or tracker.part:
            return
        before, self._group = self._group, None
        sounding, time = getattr(tracker, "sounding", -1), getattr(tracker, "time", 0)
        goes_on = sounding >= 0 and time > before.time
        stops = self._is_stepwise and (sounding < 0 or tracker.done)
        if before.sounding >= 0 and (goes_on or stops):
            self._notes[-1]["duration_bits"] += before.bits
        else:
            self._unassigned += before.bits

    def closed(self, melody: Melody) -> np.ndarray:
        """Make the table of a melody whose tokens have all been entered, (notes,) of NOTE_COSTS."""
        if not self._notes:
            raise ValueError("there is no note to score")
        self._notes[-1]["other_bits"] += self._unassigned + (self._group.bits if self._group else 0.0)
        table, quarter = np.zeros(len(self._notes), NOTE_COSTS), melody.timeline.ticks_per_quarter
        for row, note, costs in zip(table, melody.notes, self._notes, strict=True):
            row["start"], row["duration"], row["pitch"] = note.start / quarter, note.duration / quarter, note.pitch
            for name, value in costs.items():
                row[name] = value
        table["bits"] = table["pitch_bits"] + table["duration_bits"] + table["other_bits"]
        return table

    def _add_duration(self, token: int, logits: np.ndarray, bits: float) -> None:
        note, chances = self._notes[-1], _softmax(logits)
        note["duration_bits"] += bits
        note["duration_entropy"], note["duration_rank"] = _entropy(chances), 1 + int((logits > logits[token]).sum())


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Compute probabilities, (ids,) of float64."""
    chances = np.exp(logits.astype(np.float64) - logits.max())
    return chances / chances.sum()


def _entropy(probabilities: np.ndarray) -> float:
    """Compute the entropy in bits."""
    known = probabilities[probabilities > 0]
    return max(0.0, -float((known * np.log2(known)).sum()))

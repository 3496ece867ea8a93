"""Pieces in one metre played by a rule drawn by seed: late, uneven, swung, drifting, their metre wrong or missing."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
from benchmarks.report import DATA

from ritornello.corpus.beats.metre import SAME
from ritornello.music.files import scan_content
from ritornello.music.values import Metre, Note, Part, Piece, Tempo, Timeline

SPREAD_SECONDS = 0.015
FEWEST_NOTES = 40
WRONG = ((1, 4), (4, 4), (3, 4), (2, 4), (6, 8), (5, 4))


@dataclass(frozen=True, slots=True)
class Truth:
    """What was played. beat, bar: in quarters. starts: written, from the first barline, by part."""

    beat: float
    bar: float
    starts: tuple[np.ndarray, ...]
    is_swung: bool
    drifts: bool


def in_one_metre(is_held_out: bool) -> Iterator[tuple[str, str, Piece, Piece]]:
    """Kind, name, the piece to be played (of a song its piano parts) and the whole piece, in one metre throughout.

    is_held_out: those whose name has a CRC-32 that three divides, else the others, which weights are fitted to.
    """
    for kind, name, content in _files(is_held_out):
        piece = scan_content(content, name, "unfold" if kind == "hymn" else "written")[0][0]
        metres = piece.timeline.metres
        if len(metres) > 2 or len({m.name for m in metres}) > 1:
            continue
        whole = replace(piece, parts=tuple(p for p in piece.parts if p.notes and not p.is_drum))
        parts = whole.parts if kind == "hymn" else tuple(p for p in piece.parts[1:] if p in whole.parts)
        if sum(len(p.notes) for p in parts) >= FEWEST_NOTES:
            yield kind, PurePath(name).name, replace(piece, parts=parts), whole


def _files(is_held_out: bool) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and content of hymns and songs."""

    def is_wanted(name: str) -> bool:
        return (zlib.crc32(PurePath(name).name.encode()) % 3 == 0) == is_held_out

    for path in sorted((DATA / "hymns").glob("*.abc")):
        if is_wanted(path.name):
            yield "hymn", path.name, path.read_bytes()
    with tarfile.open(DATA / "lieder.tar.xz") as archive:
        members = [m for m in archive if m.isfile() and m.name.endswith(".mscx") and is_wanted(m.name)]
        found = {m.name: archive.extractfile(m).read() for m in members}  # an .xz is read in its order
    for name in sorted(found):
        yield "song", name, found[name]


def metre_class(metre: Metre) -> str:
    """Find the metre that counts as the same: 2/4 and 2/2 as 4/4, 3/8 as 6/8."""
    return SAME.get(metre.name, metre.name)


def beat_of(metre: Metre) -> float:
    """Find the beat in quarters: dotted in eighths by threes, half a quarter in 4/8, else a quarter."""
    if metre.denominator >= 8:
        return (3 if metre.numerator % 3 == 0 else 1) * 4 / metre.denominator
    return 1.0


def played(piece: Piece, seed: int) -> tuple[Piece, Truth]:
    """A performance of a piece in one metre, and the truth about it."""
    rng = np.random.default_rng(seed)
    line = piece.timeline
    tpq, metre, qpm = line.ticks_per_quarter, line.metres[-1], line.tempos[0].qpm
    beat = beat_of(metre)
    late = rng.uniform(0, beat)
    swing = rng.uniform(0.56, 0.68) if rng.random() < 0.25 and beat == 1 else 0.5
    drifts = rng.random() < 0.5
    size, period, ramp = rng.uniform(0.01, 0.03), rng.uniform(48, 160), rng.uniform(-0.02, 0.02)
    angle = rng.uniform(0, 2 * np.pi)
    spread, held = SPREAD_SECONDS * qpm / 60, rng.uniform(0.8, 1.0)
    length = line.length / tpq
    upbeat = line.pickup / tpq

    def moved(times: np.ndarray) -> np.ndarray:
        whole = np.floor(times)
        part = times - whole
        times = whole + np.where(part < 0.5, part * 2 * swing, swing + (part - 0.5) * 2 * (1 - swing))
        if drifts:
            wave = size * period / (2 * np.pi) * (np.cos(angle) - np.cos(2 * np.pi * times / period + angle))
            times = times + wave + ramp * times * times / (2 * length)
        return times + late + upbeat

    parts, truths = [], []
    for part in piece.parts:
        starts = np.array([n.start for n in part.notes]) / tpq - upbeat
        ends = starts + np.array([n.duration for n in part.notes]) / tpq * held
        begin = np.maximum(moved(starts) + rng.normal(0, spread, len(starts)), 0)
        stop = np.maximum(moved(ends) + rng.normal(0, spread, len(starts)), begin + 0.05)
        tick = np.rint(begin * 480).astype(int)
        duration = np.maximum(np.rint(stop * 480).astype(int) - tick, 1)
        order = np.lexsort((np.array([n.pitch for n in part.notes]), tick))
        loud = np.clip(rng.normal(70, 8, len(starts)), 20, 120).astype(int)
        parts.append(
            Part(
                tuple(Note(int(tick[i]), int(duration[i]), part.notes[i].pitch, int(loud[i])) for i in order),
                part.name,
            )
        )
        truths.append(starts[order])
    choice = [w for w in WRONG if w != tuple(metre[1:])]
    stated = (4, 4) if rng.random() < 0.4 else choice[rng.integers(len(choice))]
    timeline = Timeline(480, 0, (Metre(0, *stated),), (), (Tempo(0, qpm),))
    bar = float(line.bar_ticks(metre)) / tpq
    truth = Truth(beat, bar, tuple(truths), swing != 0.5, drifts)
    return Piece(tuple(parts), timeline, source=piece.source), truth

"""Read the ticks of MIDI files as the values that are meant.

Programs write a note a tick late or let it end a tick early, round triplets to a coarse resolution, and hold notes
for a share of their value, so that they sound detached. On a page each of these would be a rest or a tuplet.
Rests that a notation program wrote are told from notes held short by one tick: it ends each note that long before
its value is over. Our own files are exact and say who wrote them (`music.midi.reader`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick.line import Columns, columns
from ritornello.music.values import Melody, Note, Part, Piece, chords_moved

Ticks = NDArray[np.int64]

WRITTEN = 0.85
"""A line is written, not played, where this share of its onsets lies on written parts of a quarter."""

TUPLETS = (5, 7, 9)  # of a quarter, beside eighths and sixths; finer parts where a resolution holds them
WIDE = 12  # times as wide as the window around it is a part of a quarter that tells written from played onsets
FEWEST_IN_TUPLETS = 3  # onsets that only fifths, sevenths or ninths of a quarter explain
FINEST = 24  # of a quarter: all of these fractions are written values
FRACTIONS = (8, 6, 16, 12, 5, 10, 20, 7, 9, FINEST)  # of a quarter, the likelier first
LEAST_PARTS = 32  # of a quarter, the finest that notation holds within reason
SLACK = 240  # a written onset lies within this fraction of a quarter, or a tick, of its place
LEAST_RESOLUTION = 96  # ticks per quarter: of fewer one is too long to be an error
ON_BEATS = 0.25  # of the onsets are on beats, unless all of them are late by more than a few ticks
ENGRAVED = 0.8  # of the notes of files that a notation program wrote are a tick short
CLOSING = 16  # what follows the last note for less than this fraction of a quarter is no rest
UNITS = (4, 3, 2, 1.5, 1, 0.75, 0.5, 1 / 3, 0.25, 1 / 6, 0.125, 1 / 12, 1 / 24)  # quarters: grids of onsets
CLOSE = 20  # an end within this fraction of a quarter of the grid of the onsets lies on it
HELD = (0.45, 0.97)  # the shares of their value for which notes are held
SAME = 0.03  # shares that lie so close are one
COMMON, EXPLAINED = 0.6, 0.85  # of the notes must be held for the share, and have a value by it


def is_written(starts: Ticks, ticks_per_quarter: int, slack: int = 0) -> bool:
    """Test whether onsets lie on written parts of a quarter: eighths, sixths, tuplets, 32nds.

    slack: ticks that they may lie beside them; one more where the resolution cannot hold the fraction. The other
    parts are tuplets and up to 32nds of a quarter, as far as the resolution tells them from played onsets.
    """
    if not len(starts):
        return True
    found = _near(starts, ticks_per_quarter, 8, slack) | _near(starts, ticks_per_quarter, 6, slack)
    for parts in range(5, LEAST_PARTS + 1) if found.mean() < WRITTEN else ():
        exact = ticks_per_quarter % parts == 0
        window = 2 * slack + (1 if exact else 2)  # ticks; a rounded place is one of two
        if (exact or parts in TUPLETS) and ticks_per_quarter >= WIDE * parts * window:
            found |= _near(starts, ticks_per_quarter, parts, slack)
    return bool(found.mean() >= WRITTEN)


def _near(times: Ticks, tpq: int, parts: int, slack: int = 0) -> NDArray[np.bool_]:
    """Tell which times are within `slack` ticks of a whole number of parts of a quarter."""
    rest = times * parts % tpq
    return np.minimum(rest, tpq - rest) <= parts * max(slack, tpq % parts > 0)


def on_grid(piece: Piece) -> Piece:
    """Move the notes of a counted piece that lie a few ticks beside written values to them.

    Parts whose onsets were played stay as they are. The piece counts as written (`is_counted` False) where a
    notation program wrote it: then its rests are meant.
    """
    if not piece.is_counted:
        return piece
    line = piece.timeline
    tpq = line.ticks_per_quarter
    arrays = [columns(part.notes) for part in piece.parts]
    scale = lcm(tpq, FINEST, *(parts for parts in TUPLETS if _has_tuplets(arrays, tpq, parts))) // tpq
    parts = tuple(_part_on_grid(part, array, tpq, scale) for part, array in zip(piece.parts, arrays, strict=True))
    last = max((n.end for part in parts for n in part.notes), default=0)
    line = line.with_resolution(tpq * scale)
    if line.length - last <= line.ticks_per_quarter // CLOSING:
        line = replace(line, length=last)
    elif parts != piece.parts:  # the closing rest too ends on a written value
        step = line.ticks_per_quarter // 8
        line = replace(line, length=max(round(line.length / step) * step, last))
    pitched = [array for part, array in zip(piece.parts, arrays, strict=True) if not part.is_drum and len(array)]
    is_engraved = bool(pitched) and tpq % FINEST == 0 and _is_engraved(np.concatenate(pitched)[:, 1], tpq)
    chords = chords_moved(piece.chords, lambda tick: tick * scale)
    return replace(piece, parts=parts, timeline=line, is_counted=not is_engraved, chords=chords)


def _has_tuplets(arrays: Sequence[Columns], tpq: int, parts: int) -> bool:
    """Test whether written onsets lie on `parts` of a quarter that the resolution rounds."""
    if tpq % parts == 0 or tpq < 2 * WIDE * parts:
        return False
    lines = [notes[:, 0] for notes in arrays if is_written(notes[:, 0], tpq)]
    slack = _slack(tpq)
    alone = [
        _near(line, tpq, parts) & ~_near(line, tpq, FINEST, slack) & ~_near(line, tpq, 8, slack) for line in lines
    ]
    return any(found.sum() >= FEWEST_IN_TUPLETS for found in alone)


def _slack(tpq: int) -> int:
    return max(tpq // SLACK, 1) if tpq >= LEAST_RESOLUTION else 0


def _is_engraved(durations: Ticks, tpq: int) -> bool:
    """Test whether most notes end one tick before a multiple of an eighth or sixth of a quarter."""
    if tpq < LEAST_RESOLUTION:
        return False
    is_short = np.any([(durations + 1) % (tpq // parts) == 0 for parts in FRACTIONS[:2]], axis=0)
    return bool(is_short.mean() >= ENGRAVED)


def _part_on_grid(part: Part, notes: Columns, tpq: int, scale: int) -> Part:
    """Move the notes of a part to written values, counted `scale` times as fine."""
    starts, ends = notes[:, 0], notes[:, 0] + notes[:, 1]
    late = _lateness(starts, tpq)
    is_exact = scale == 1 and not late and not (notes[:, :2] % (tpq // FINEST)).any()
    is_meant = is_written(starts, tpq) or is_written(starts - late, tpq, _slack(tpq))
    if is_exact or not is_meant:
        if scale == 1:
            return part
        return replace(
            part, notes=tuple(n._replace(start=n.start * scale, duration=n.duration * scale) for n in part.notes)
        )
    slack = scale * _slack(tpq) + scale // 2  # half a tick for the rounding to a coarse resolution
    new_starts = _nearest((starts - late) * scale, tpq * scale, slack)
    onsets = np.unique(new_starts)
    stops = _to_onsets((ends - late) * scale, onsets, slack)
    new_ends = np.where(np.isin(stops, onsets), stops, _to_onsets(_nearest(stops, tpq * scale, slack), onsets, slack))
    durations = np.where(new_ends > new_starts, new_ends - new_starts, notes[:, 1] * scale)
    moved = zip(np.maximum(new_starts, 0).tolist(), durations.tolist(), part.notes, strict=True)
    return replace(part, notes=tuple(Note(start, length, n.pitch, n.velocity) for start, length, n in moved))


def _to_onsets(times: Ticks, onsets: Ticks, slack: int) -> Ticks:
    """Move times to the first onset within `slack` ticks; others stay."""
    found = onsets[np.searchsorted(onsets, times - slack).clip(0, len(onsets) - 1)]
    return np.where(np.abs(found - times) <= slack, found, times)


def _lateness(starts: Ticks, tpq: int) -> int:
    """Find how many ticks late all onsets lie; 0 where they disagree, or few are on beats."""
    slack = _slack(tpq)
    if not slack or tpq % FINEST or not len(starts):
        return 0
    for step in (tpq // FINEST, tpq // FRACTIONS[0]):
        rest = (starts + step // 2) % step - step // 2
        late = int(np.bincount(rest + step).argmax()) - step
        agree = (np.abs(rest - late) <= slack).mean() >= WRITTEN
        on_beats = ((starts - late + slack) % tpq <= 2 * slack).mean() >= ON_BEATS
        if agree and on_beats:
            return late if abs(late) > slack else 0
    return 0


def _nearest(times: Ticks, tpq: int, slack: int) -> Ticks:
    """Move times to the likeliest written value within `slack` ticks; others stay."""
    found, is_free = times.copy(), np.ones(len(times), bool)
    for parts in FRACTIONS:
        step = tpq // parts
        if step * parts != tpq:
            continue
        place = (times + step // 2) // step * step
        near = is_free & (np.abs(times - place) <= slack)
        found[near] = place[near]
        is_free &= ~near
    return found


def with_meant_lengths(melody: Melody) -> Melody:
    """Give notes held for a share of their value, or to beside the grid, their whole length.

    Onsets stay. Ends that lie on the grid of the onsets are meant, and so is all of a line whose onsets were played.
    """
    tpq = melody.timeline.ticks_per_quarter
    starts, durations = columns(melody.notes)[:, :2].T
    if len(starts) < 2 or not is_written(starts, tpq):
        return melody
    unit = _unit(starts - starts[0], tpq)
    gaps = np.diff(starts)
    off_grid = (durations % unit > 0) & np.append(durations[:-1] != gaps, True)
    if not off_grid.any():
        return melody
    lengths = _by_common_share(durations, gaps, unit)
    close = min(tpq // CLOSE, unit // 8)
    if lengths is None and (2 * off_grid.sum() >= len(off_grid) or not is_written(starts + durations, tpq)):
        lengths = _up_to_grid(durations, gaps, unit, tpq, max(close, 1))
    elif lengths is None:  # a few notes are shorter than the grid of the onsets
        near = np.maximum(np.rint(durations / unit).astype(np.int64), 1) * unit
        lengths = np.where(np.abs(durations - near) <= close, near, durations)
    lengths[:-1] = np.minimum(lengths[:-1], gaps)
    notes = (n._replace(duration=int(length)) for n, length in zip(melody.notes, lengths.tolist(), strict=True))
    return replace(melody, notes=tuple(notes))


def _unit(places: Ticks, tpq: int) -> int:
    """Find the coarsest grid of written values that holds nearly all onsets."""
    units = [int(tpq * unit) for unit in UNITS if abs(tpq * unit - round(tpq * unit)) < 1e-6 and tpq * unit >= 1]
    return next((unit for unit in units if (places % unit == 0).mean() >= 0.98), 1)


def _by_common_share(durations: Ticks, gaps: Ticks, unit: int) -> Ticks | None:
    """Compute the values of notes that are all held for one share; None where they are not."""
    shares = durations[:-1] / gaps
    ordered = np.sort(shares)
    counts = np.searchsorted(ordered, ordered + SAME, "right") - np.arange(len(ordered))
    first = int(counts.argmax())
    share = float(np.median(ordered[first : first + counts[first]]))
    if not HELD[0] <= share <= HELD[1] or counts[first] < COMMON * len(shares):
        return None
    values = durations / share
    whole = np.maximum(np.rint(values / unit), 1).astype(np.int64) * unit
    is_held = np.append(np.abs(shares - share) <= SAME, True)
    fits = is_held | ((np.abs(values - whole) <= SAME * whole) & np.append(whole[:-1] <= gaps, True))
    if fits.mean() < EXPLAINED:
        return None
    return np.where(np.append(is_held[:-1], False), np.append(gaps, 0), whole)


def _up_to_grid(durations: Ticks, gaps: Ticks, unit: int, tpq: int, close: int) -> Ticks:
    """Lengthen notes that end beside the grid to its next line or the next note, if near.

    A note of half the time to the next one or more reaches it, of more than two quarters three fourths or more.
    """
    whole = -(-(durations - close) // unit) * unit
    room = np.append(gaps, whole[-1])
    is_near = whole - durations <= np.maximum(0.3 * unit, 0.12 * whole)
    reaches = durations >= np.where(room <= 2 * tpq, 0.5, 0.75) * room
    return np.maximum(np.where(reaches & ~is_near, room, whole), 1)

"""Settle the beats and bars of a performed piece, so that its notes lie where they are meant.

What a MIDI file of a performance says about bars is what its sequencer was set to, not what was played: often 1/4, or
4/4 from wherever the recording began. Files whose notes lie on their grid, with a metre that has bars, are believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import PurePath

import numpy as np

from ritornello.corpus.beats.evidence import CELLS, Chords, Floats, Notes, Strokes, chords, strokes
from ritornello.corpus.beats.metre import SAME, Bars, Belief, bars_of
from ritornello.corpus.beats.track import drift
from ritornello.music.beats import metre_named
from ritornello.music.values import Metre, Note, Piece, Timeline, chords_moved

SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")  # files whose bars are counted, not written

FEWEST_CHORDS = 12
"""With fewer there is nothing to tell a beat by."""

SHORTEST_BAR = 1.5  # quarters: a shorter stated bar is a click, not a metre
UNSURE = 0.72
"""Bars with a smaller share than this are doubted in the report (`benchmarks/corpus/beats.py` has the curve)."""

LONGEST = 5000
"""Quarters from the start of a file whose notes tell of its beat: damaged files claim more."""

USUAL_PACE = 0.0172  # chords in a quarter, for each quarter in a minute
FAR_PACE = 2.9
"""Octaves of pace beyond which a file counts half or double the beats: of 738 pieces that count right four do."""

ON_BEAT = 0.1  # quarters around a beat, in which an onset is meant to be on it
ON_GRID = 2.0  # points for whole quarters as barlines where notes lie on the grid
STATED = 2.0  # points for the stated metre from the start of the file, where the notes lie so


@dataclass(frozen=True, slots=True)
class Settled:
    """A piece on its own beats.

    bars: as they were found, None where the file's were kept. why: a sentence for people, or "". doubt: what is
    unsure about its bars, or "".
    """

    piece: Piece
    bars: Bars | None = None
    why: str = ""
    doubt: str = ""


def settled(piece: Piece, is_written: bool, metre: str | None = None, beat_offset: float | None = None) -> Settled:
    """Find beats and bars of a MIDI file's piece, and move its notes to them.

    is_written: whether its notes lie on its grid; then the piece stays as it is, if its metre has bars.
    metre: taken instead of the stated one or of an estimate. beat_offset: where a barline lies, in quarters from the
    start of the piece, instead of an estimate.
    """
    if not has_counted_bars(piece):
        return Settled(piece)
    if metre and (groups := metre_named(metre).groups):  # added afterwards: bars are found without
        above, below = metre_named(metre)[1:3]
        plain = settled(piece, is_written, f"{above}/{below}", beat_offset)
        metres = tuple(each._replace(groups=groups) for each in plain.piece.timeline.metres)
        timeline = replace(plain.piece.timeline, metres=metres)
        return replace(plain, piece=replace(plain.piece, timeline=timeline))
    line = piece.timeline
    has_bars = line.bar_ticks(line.metre) >= SHORTEST_BAR * line.ticks_per_quarter
    if is_written and has_bars and metre is None and beat_offset is None:
        return Settled(piece)
    notes, chord, accents = joined(piece)
    is_short = len(chord.starts) < FEWEST_CHORDS
    if not is_written and not is_short and (rate := _rate(chord, line.qpm)) != 1 and line.ticks_per_quarter % 2 == 0:
        at_rate = settled(
            _at_rate(piece, rate), is_written, metre, None if beat_offset is None else beat_offset * rate
        )
        return replace(at_rate, why=f"{at_rate.why}; the file counts {'half' if rate == 2 else 'double'} the beats")
    late = np.zeros(2) if is_written or is_short else lateness(notes, chord, accents)
    given = None if beat_offset is None else float(without(np.array([beat_offset]), late)[0])
    stated = line.metre.name if has_bars else None
    if is_short and metre is None and given is None:
        return Settled(piece)
    if is_short or (metre and given is not None):
        bars = Bars(metre or stated or "4/4", given or 0.0, 1.0)
    else:
        wanted = metre or (stated if is_written else None)
        bars = _bars(steady(notes, chord, late, accents), wanted, stated, is_written)
        if given is not None:
            bars = replace(bars, late=given, share=1.0)
    moved = _moved(piece, late, bars)
    shift = float(np.median(late)) + bars.late
    return Settled(moved, bars, _reason(piece, bars, shift), _doubt(bars, beat_offset))


def has_counted_bars(piece: Piece) -> bool:
    """Tell whether the bars of a piece are counted, as in MIDI, and not written."""
    if piece.states_rhythm:
        return False
    return piece.is_counted or PurePath(piece.source.rsplit("#", 1)[0]).suffix.lower() in SUFFIXES


def _rate(chord: Chords, qpm: float) -> float:
    """Find the beats in a quarter of the file: 1, unless notes are far too many or too few."""
    density = len(chord.starts) / (chord.starts[-1] - chord.starts[0] + 1)
    pace = float(np.log2(density / qpm / USUAL_PACE))
    return 2.0 if pace > FAR_PACE else 0.5 if pace < -FAR_PACE else 1.0


def _at_rate(piece: Piece, rate: float) -> Piece:
    """Count `rate` quarters, 2 or a half, in what was one."""
    line = piece.timeline
    tempos = tuple(t._replace(qpm=t.qpm * rate) for t in line.tempos)
    return replace(
        piece, timeline=replace(line, ticks_per_quarter=round(line.ticks_per_quarter / rate), tempos=tempos)
    )


def joined(piece: Piece) -> tuple[Notes, Chords, Strokes]:
    """Join the pitched notes of all parts, group them to chords, and take accents and drums.

    Of a file that is longer than LONGEST only the beginning is taken; there may be no notes in it.
    """
    tpq = piece.timeline.ticks_per_quarter
    tables = []
    for is_drum in (False, True):
        rows = [(n.start, n.end, n.pitch, n.velocity) for p in piece.parts if p.is_drum == is_drum for n in p.notes]
        table = np.array([row for row in rows if row[0] < LONGEST * tpq], np.int64).reshape(-1, 4)
        tables.append(table[np.lexsort((table[:, 2], table[:, 0]))])
    table, drums = tables
    notes = Notes(table[:, 0] / tpq, table[:, 1] / tpq, table[:, 2])
    chord = chords(notes)
    return notes, chord, strokes(chord, table[:, 3], drums[:, 0] / tpq, drums[:, 2])


def lateness(notes: Notes, chord: Chords, accents: Strokes) -> Floats:
    """Estimate how late the beat lies, up to a constant, (quarters,), until the last note ends."""
    sizes = np.concatenate((chord.sizes, np.ones(len(accents.starts) - len(chord.starts), np.int64)))
    order = np.argsort(accents.starts, kind="stable")
    found = drift(accents.starts[order], np.clip(np.log1p(sizes[order]), 0.6, 1.5))
    return np.pad(found, (0, max(int(notes.ends.max()) + 2 - len(found), 0)), mode="edge")


def without(times: Floats, late: Floats) -> Floats:
    """Take the lateness of the beat, (quarters,), out of times; before and after, its ends hold."""
    return times - np.interp(times, np.arange(len(late)) + 0.5, late)


def steady(notes: Notes, chord: Chords, late: Floats, accents: Strokes) -> tuple[float, Notes, Chords, Strokes]:
    """Take the lateness of the beat out of all times and count them from the first note.

    Return where that lay, then notes, chords and accents.
    """
    starts, ends = without(notes.starts, late), without(notes.ends, late)
    origin = float(starts.min())
    flat = Notes(starts - origin, np.maximum(ends, starts + 1 / CELLS) - origin, notes.pitches)
    level = Chords(np.bincount(chord.of, flat.starts) / chord.sizes, chord.of, chord.sizes)
    return origin, flat, level, Strokes(without(accents.starts, late) - origin, accents.values)


def _bars(
    found: tuple[float, Notes, Chords, Strokes], metre: str | None, stated: str | None, is_written: bool
) -> Bars:
    """Find the bars of notes in a steady tempo, their lateness as fine as the notes allow.

    found: from `steady`.
    metre: the only one that comes into question. stated: the file's, whose bars begin with the file.
    """
    origin, flat, level, accents = found
    beliefs = [Belief(ON_GRID, -origin, 1.0)] if is_written else []
    if stated:
        above, below = map(int, stated.split("/"))
        beliefs.append(Belief(STATED, -origin, 4 * above / below, stated))
    bars = bars_of(flat, level, accents, metre, beliefs)
    if is_written:
        return replace(bars, late=origin + bars.late)
    above, below = map(int, bars.metre.split("/"))
    beat = 12 / below if below >= 8 and above % 3 == 0 else 1.0
    away = (flat.starts - bars.late + beat / 2) % beat - beat / 2
    on_beat = away[np.abs(away) <= ON_BEAT]
    return replace(bars, late=origin + bars.late + (float(np.median(on_beat)) if len(on_beat) else 0.0))


def _moved(piece: Piece, late: Floats, bars: Bars) -> Piece:
    """Move a piece so that a barline lies at `bars.late`, its first bar cut to a pick-up.

    late: of the beat at each quarter, (quarters,).
    """
    line = piece.timeline
    tpq = line.ticks_per_quarter
    above, below = map(int, bars.metre.split("/"))
    metre = Metre(0, above, below)
    bar = line.bar_ticks(metre)
    is_steady = float(np.ptp(late)) == 0.0
    shift = round((late[0] + bars.late) * tpq)

    def place(ticks: Floats) -> Floats:
        return ticks - shift if is_steady else (without(ticks / tpq, late) - bars.late) * tpq

    first = min(float(place(np.array([part.notes[0].start], float))[0]) for part in piece.parts if part.notes)
    start = floor((first + tpq / CELLS) / bar) * bar  # the barline before the first note
    rest = floor((first - start + tpq / CELLS) / (tpq / 4)) * tpq // 4
    origin = float(start + rest)

    def move(ticks: Sequence[int]) -> list[int]:
        return np.maximum(np.rint(place(np.array(ticks, float)) - origin), 0).astype(np.int64).tolist()

    def moved(changes: tuple) -> tuple:
        by_tick = dict(zip(move([c.tick for c in changes]), changes, strict=True))  # of two the later one holds
        kept = tuple(c._replace(tick=tick) for tick, c in sorted(by_tick.items()))
        return (kept[0]._replace(tick=0), *kept[1:]) if kept else ()

    parts = []
    for part in piece.parts:
        starts, ends = move([n.start for n in part.notes]), move([n.end for n in part.notes])
        notes = [
            Note(start, max(end - start, 1), n.pitch, n.velocity)
            for start, end, n in zip(starts, ends, part.notes, strict=True)
        ]
        parts.append(replace(part, notes=tuple(notes)))
    pickup = round(bar - rest) if rest else 0
    metres = (metre, metre._replace(tick=pickup)) if pickup else (metre,)
    faster = (late[-1] - late[0]) / max(len(late) - 1, 1)
    tempos = tuple(t._replace(qpm=round(t.qpm * (1 - faster), 2)) for t in moved(line.tempos))
    timeline = Timeline(tpq, move([line.length])[0], metres, moved(line.keys), tempos)
    chords = chords_moved(piece.chords, lambda tick: move([tick])[0])
    return replace(piece, parts=tuple(parts), timeline=timeline, chords=chords)


def _reason(piece: Piece, bars: Bars, shift: float) -> str:
    """Describe for people what was done."""
    stated = piece.timeline.metre.name
    instead = "" if SAME.get(stated, stated) == SAME.get(bars.metre, bars.metre) else f" (the file says {stated})"
    return f"a barline {shift:.2f} quarters after the start, bars of {bars.metre}{instead}, {bars.share:.0%} sure"


def _doubt(bars: Bars, beat_offset: float | None) -> str:
    """Say between which bars the choice is open; "" where it is not."""
    if bars.share >= UNSURE or beat_offset is not None or bars.other is None:
        return ""
    name, late, share = bars.other
    return f"{bars.metre}, {bars.share:.0%}; or {name} from {late - bars.late:+.2f} quarters there, {share:.0%}"

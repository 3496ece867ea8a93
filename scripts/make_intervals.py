"""Count which intervals the second voice of a hymn makes with its melody, for the second voice of the instrument.

    python scripts/make_intervals.py HYMNS_DIR -o src/ritornello/data/intervals

HYMNS_DIR: scores of the Open Hymnal in ABC, as for make_corpus.py. Of each hymn in four voices the alto and the bass
are compared with the soprano wherever that begins a note. The same scores give the same bytes.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np

from ritornello.atomic import write_files
from ritornello.live.line.intervals import SHAPE, VOICES, Table, interval, place_strength, step_class
from ritornello.music.abc.reader import AbcError, decode_abc, read_abc
from ritornello.music.values import Note, Piece, Timeline

PROVENANCE = """# Where these intervals come from

Made by `scripts/make_intervals.py` from https://github.com/mzealey/openhymnal (commit
d35811b2d5c9b0bbc5887d60a2936454815416e8), of whose scores only those were taken that say "copyright: public domain".
Counts of intervals are facts; they are in the public domain as well.

`intervals.npz` holds `counts`, {shape}: by voice ({voices}), strength of the beat (barline, another
beat, between), step of the soprano (as `ritornello.live.line.intervals.step_class`), interval before, and interval:
semitones below the soprano, modulo 12.

- {hymns} hymns in four voices, {notes} intervals
- dissonant (1, 2, 6, 10 or 11 semitones, modulo 12) of those on a beat: {rates}
"""


def main() -> None:
    """Count the hymns of a folder and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hymns", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    options = parser.parse_args()
    counts, hymns = np.zeros(SHAPE, np.uint16), 0
    for piece in pieces_in_four_voices(options.hymns):
        hymns += 1
        for voice in range(len(VOICES)):
            for place in intervals_of(piece, voice):
                counts[voice, *place] += 1
    buffer = BytesIO()
    np.savez_compressed(buffer, counts=counts)
    rates = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in zip(VOICES, Table(counts).dissonances()))
    page = PROVENANCE.format(shape=SHAPE, voices=", ".join(VOICES), hymns=hymns, notes=int(counts.sum()), rates=rates)
    files = (options.output / "intervals.npz", buffer.getvalue()), (options.output / "PROVENANCE.md", page.encode())
    write_files(files, replace=options.replace)
    print(
        f"{hymns} hymns, {int(counts.sum())} intervals, {len(buffer.getvalue())} bytes; dissonant on beats: {rates}"
    )


def pieces_in_four_voices(folder: Path) -> Iterator[Piece]:
    """Read the hymns that are in the public domain and have four voices."""
    for path in sorted(folder.glob("*.abc")):
        text = decode_abc(path.read_bytes())
        if not re.search(r"^C:.*copyright: public domain", text, re.MULTILINE | re.IGNORECASE):
            continue
        try:
            pieces = read_abc(text, path.name, "written")
        except AbcError:
            continue
        yield from (piece for piece in pieces if len(piece.parts) == 4)


def intervals_of(piece: Piece, voice: int) -> Iterator[tuple[int, int, int, int]]:
    """List strength, step, interval before and interval of a voice at each note of the soprano."""
    timeline = piece.timeline
    soprano, other = piece.parts[0].notes, piece.parts[(1, 3)[voice]].notes
    before, last = -1, None
    for note in soprano:
        below = [each for each in other if each.start <= note.start < each.end and each.pitch <= note.pitch]
        found = interval(note.pitch, max(below, key=lambda each: each.pitch).pitch) if below else -1
        if found >= 0:
            yield strength_of(note, timeline), step_class(last, note.pitch), before + 1, found
        before, last = found, note.pitch


def strength_of(note: Note, timeline: Timeline) -> int:
    """Find how strong the place is at which a note begins."""
    line = max((line for line in timeline.barlines() if line <= note.start), default=0)
    metre = timeline.metre_at(line)
    ticks = note.start - line
    if line < timeline.pickup:  # counted from the barline that the pick-up leaves out
        ticks += int(timeline.bar_ticks(metre)) - timeline.pickup
    return place_strength(Fraction(ticks, timeline.ticks_per_quarter), metre)


if __name__ == "__main__":
    main()

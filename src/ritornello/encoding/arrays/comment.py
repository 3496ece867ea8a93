"""Keep what token arrays have no numbers for in the comment of their .npz archive, which NumPy passes over.

It says how many steps are a quarter, and where bars of which metre begin in each melody.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ritornello.music.values import Metre

KEPT_STEPS = 4  # a quarter: of the exercise, and of arrays that a corpus keeps step for step
MARK = b"ritornello "
LONGEST = 65_535  # bytes of a comment, in the format
MOST = 1 << 24  # bytes that one may unpack to
LARGEST_METRE = 255


@dataclass(frozen=True)
class Stated:
    """What an archive states: steps a quarter, and the metres of each melody, their ticks counted in steps.

    metres: () where there were too many melodies to say.
    """

    steps_per_quarter: int
    metres: tuple[tuple[Metre, ...], ...] = ()


def with_comment(archive: bytes, stated: Stated) -> bytes:
    """Write a comment into an .npz archive; metres that take too much room are left out."""
    for metres in (stated.metres, ()):
        kinds = list(dict.fromkeys(metres))
        places = {kind: place for place, kind in enumerate(kinds)}
        value = {
            "steps_per_quarter": stated.steps_per_quarter,
            "kinds": [[metre.to_list() for metre in kind] for kind in kinds],
            "melodies": [places[kind] for kind in metres],
        }
        comment = MARK + zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 9)
        if len(comment) <= LONGEST:
            break
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as opened:
        opened.comment = comment
    return buffer.getvalue()


def stated_in(content: bytes, count: int) -> Stated | None:
    """Read the comment of an .npz archive of so many melodies; None without a sound one."""
    if not content.startswith(b"PK"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            comment = archive.comment
        if not comment.startswith(MARK):
            return None
        text = zlib.decompressobj().decompress(comment.removeprefix(MARK), MOST)
        value = json.loads(text)
        kinds = [_metres(kind) for kind in value["kinds"]]
        metres = tuple(kinds[place] for place in value["melodies"])
        steps = value["steps_per_quarter"]
    except (zipfile.BadZipFile, OSError, zlib.error, ValueError, LookupError, TypeError, RecursionError):
        return None
    if type(steps) is not int or not 1 <= steps <= 24:
        return None
    return Stated(steps, metres if len(metres) == count else ())


def _metres(rows: Sequence[Any]) -> tuple[Metre, ...]:
    """Check the metres of a melody. Raises ValueError or TypeError."""
    metres = tuple(map(Metre.from_list, rows))
    numbers = [number for metre in metres for number in (*metre[:3], *metre.groups)]
    if not metres or metres[0].tick or any(type(number) is not int for number in numbers):
        raise ValueError("metres are whole numbers, the first from 0 on")
    is_ordered = all(before.tick < after.tick for before, after in pairwise(metres))
    fit = all(1 <= m.numerator <= LARGEST_METRE and m.denominator in (1, 2, 4, 8, 16, 32, 64) for m in metres)
    if not is_ordered or not fit or any(m.groups and sum(m.groups) != m.numerator for m in metres):
        raise ValueError("no such metres")
    return metres

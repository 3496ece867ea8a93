"""Show a melody on a screen of text: as ABC, and as a small piano roll of block characters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from ritornello.music.errors import MusicFileError
from ritornello.music.files import encoded
from ritornello.music.keys import pitch_name
from ritornello.music.values import Melody, Note

COLUMNS_PER_QUARTER = 4
BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
LABEL = 5  # columns that the names of pitches take at the left


def melody_text(melody: Melody, width: int = 80) -> str:
    """Write a melody as ABC, where that can express it, with its roll below."""
    parts = []
    with suppress(MusicFileError):  # a metre or tempo that the format cannot express
        parts.append(encoded(melody, "melody.abc").decode("utf-8").strip())
    parts.append(roll_text(melody, width))
    return "\n\n".join(filter(None, parts))


def roll_text(melody: Melody, width: int = 80) -> str:
    """Draw a melody as lines of text: a column for each sixteenth, a row for two semitones.

    Bars stand between lines, as many side by side as `width` columns hold, one at least. Highest and lowest pitch are
    named. A melody without notes is "".
    """
    if not melody.notes:
        return ""
    high, low = max(n.pitch for n in melody.notes), min(n.pitch for n in melody.notes)
    bars = [_bar(melody, span, high, low) for span in pairwise(melody.timeline.barlines())]
    names = [pitch_name(high), *[""] * (len(bars[0]) - 2), *[pitch_name(low)] * (len(bars[0]) > 1)]
    systems = []
    while bars:
        count = _bars_that_fit(bars, width - LABEL - 1)
        rows = ["│".join(cells) for cells in zip(*bars[:count], strict=True)]
        systems.append("\n".join(f"{name:>{LABEL - 1}} │{row}│" for name, row in zip(names, rows, strict=True)))
        bars = bars[count:]
    return "\n\n".join(systems)


def _bars_that_fit(bars: Sequence[list[str]], room: int) -> int:
    """Count the bars of one system: at least one, each with its barline."""
    count = 0
    for bar in bars:
        room -= len(bar[0]) + 1
        if count and room < 0:
            break
        count += 1
    return count


def _bar(melody: Melody, span: tuple[int, int], high: int, low: int) -> list[str]:
    """Draw the notes of one bar, from its first tick to its last, as rows of text."""
    begin, end = span
    quarter = melody.timeline.ticks_per_quarter
    columns = max(1, -(-(end - begin) * COLUMNS_PER_QUARTER // quarter))
    cells = [[False] * columns for _ in range(high - low + 1 + (high - low + 1) % 2)]
    for note, after in zip(melody.notes, [*melody.notes[1:], None]):
        if note.end > begin and note.start < end:
            first = max(0, (note.start - begin) * COLUMNS_PER_QUARTER // quarter)
            last = min(columns, max(first + 1, -(-(note.end - begin) * COLUMNS_PER_QUARTER // quarter)))
            if _is_struck_again(note, after) and last - first > 1 and note.end <= end:
                last -= 1
            cells[high - note.pitch][first:last] = [True] * (last - first)
    return ["".join(BLOCKS[pair] for pair in zip(*rows)) for rows in zip(cells[::2], cells[1::2])]


def _is_struck_again(note: Note, after: Note | None) -> bool:
    """Tell whether the next note follows at once on the same pitch: a gap then parts the two."""
    return after is not None and after.pitch == note.pitch and after.start == note.end

"""Files to convert: the embedded corpus as MIDI, transposed and renamed until there are enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ritornello.corpus.embedded import embedded
from ritornello.music.midi.reader import write_midi
from ritornello.music.values import Melody

SHIFTS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6)


def tunes() -> Iterator[Melody]:
    """The melodies of the embedded corpus, then the same a semitone up, a semitone down, and so on for ever."""
    melodies = [m for m in embedded().melodies() if min(n.pitch for n in m.notes) >= 20]
    while True:
        for shift in SHIFTS:
            for melody in melodies:
                yield melody.transposed(shift)


def write_folder(folder: Path, files: int) -> int:
    """Write that many MIDI files, a thousand to a folder; returns their bytes."""
    size = 0
    source = tunes()
    for number in range(files):
        if number % 1000 == 0:
            (folder / f"{number // 1000:04}").mkdir(parents=True, exist_ok=True)
        content = write_midi(next(source))
        (folder / f"{number // 1000:04}" / f"tune {number:07}.mid").write_bytes(content)
        size += len(content)
    return size


def of_size(least: int, most: int, count: int) -> list[bytes]:
    """The first so many MIDI files of between `least` and `most` bytes."""
    found: list[bytes] = []
    for melody in tunes():
        content = write_midi(melody)
        if least <= len(content) <= most:
            found.append(content)
            if len(found) == count:
                break
    return found

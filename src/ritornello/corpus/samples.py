"""Twelve free MIDI files that come with the program, three of them broken, for those who bring none.

They are made by `scripts/make_samples.py`; data/samples/README.md says from what, and under which licence.
"""

from __future__ import annotations

from pathlib import Path

from ritornello.atomic import write_files

FOLDER = Path(__file__).parents[1] / "data" / "samples"

SAMPLES: dict[str, str] = {
    "old-100th.mid": "four voices, a track each, as a notation program exports them",
    "das-wandern.mid": "a song by Schubert: piano on two tracks, then the voice",
    "amazing-grace.kar": "karaoke: the words lie on a track of their own and name no melody",
    "ode-to-joy-played.mid": "played by hand into one track: nothing is quite on the beat",
    "nettleton-swing.mid": "a jazz waltz: swung eighths, walking bass, cymbal",
    "ebenezer-triplets.mid": "triplets, which a grid of sixteenths cannot hold",
    "slane-type-0.mid": "type 0: every channel on one track",
    "first-noel-melody.mid": "a melody alone, with a pick-up",
    "greensleeves-band.mid": "a band without names; the tune is neither the first track nor the highest",
    "drums-only.mid": "broken: percussion and nothing else",
    "half-a-download.mid": "broken: the end of the file is missing",
    "forgotten-notes.mid": "broken: title, tempo and metre were exported, the notes were not",
}
"""Name of each file and what it is there for: nine good ones, then the three that are broken."""


def write_samples(folder: str | Path, replace: bool = False) -> list[Path]:
    """Write the twelve files into a folder and return their paths. It may be done again.

    Raises FileExistsError, with nothing written, unless it may `replace`, where the folder holds another file of one
    of these names, OSError where it cannot be written to.
    """
    contents = {Path(folder, name): (FOLDER / name).read_bytes() for name in SAMPLES}
    write_files(contents.items(), "corpus samples", replace)
    return list(contents)

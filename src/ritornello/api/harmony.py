"""Harmonise a melody in four voices, and what shows, sounds and saves them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ritornello.api.options import checked
from ritornello.api.reading import read_song
from ritornello.generate.voices.rules import Judgement
from ritornello.music.values import Piece
from ritornello.plural import counted
from ritornello.render.shown import Gallery

if TYPE_CHECKING:
    from ritornello.render.page import Exhibit

FOUR_VOICES = "four-voices"


@dataclass(frozen=True)
class Harmony:
    """A melody in four voices. In a notebook it shows its four staves and plays them.

    piece: its parts from soprano to bass; the soprano is the melody. judgement: the faults that are counted in it.
    seed, index: make it again with these. origin: how it was made, for its files.
    """

    piece: Piece
    judgement: Judgement
    seed: int
    index: int
    origin: str = ""

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write it by suffix: .mid .musicxml .svg .png .wav .mp3 .ogg .flac .html.

        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix,
        FileExistsError for a file that must be kept, OSError naming the path where it cannot be written.
        """
        from ritornello import atomic

        atomic.write_bytes(path, self.encoded(path), atomic.maker_of("harmonise", Path(path).name), replace)

    def encoded(self, path: str | Path) -> bytes:
        """Encode it by the suffix of a path, which is not written."""
        from ritornello.render.save import piece_bytes

        return piece_bytes(self.piece, path, self.origin, {"counted": self.summary})

    def exhibit(self, is_small: bool = False) -> Exhibit:
        """Make what a page shows of it. is_small: with sound that takes half the room."""
        from ritornello.render.save import piece_exhibit

        return piece_exhibit(self.piece, self.origin, {"counted": self.summary}, is_small)

    @property
    def summary(self) -> str:
        """The faults that were counted, in one line."""
        found = self.judgement
        accepted = found.beats - found.dissonant
        return (
            f"{counted(found.chords, 'chord')}; parallel fifths or octaves: {found.parallels}, "
            f"crossings: {found.crossings}, notes out of range: {found.range_faults}; "
            f"{accepted} of {found.beats} beats with a triad, a seventh chord or a suspension"
        )

    def __repr__(self) -> str:
        return f"Harmony({self.piece.title!r}, version {self.index + 1}: {self.summary})"

    def _repr_svg_(self) -> str:
        """Draw the four staves."""
        from ritornello.render.staff import piece_svg

        return piece_svg(self.piece)

    def _repr_html_(self) -> str:
        from ritornello.render.page import notebook_html

        return notebook_html(self.exhibit())


def check_suffix(path: str | Path) -> None:
    """Raise ValueError for a suffix to which four voices are not written."""
    from ritornello.render.save import PIECE_SUFFIXES

    if Path(path).suffix.lower() not in PIECE_SUFFIXES:
        raise ValueError(f"{path}: four voices are written to {', '.join(PIECE_SUFFIXES)}, by suffix")


@checked
def harmonise(
    tune: Any,
    out: str | Path | None = None,
    *,
    seed: int | None = None,
    n: int = 1,
    model: Any = FOUR_VOICES,
    temperature: float = 0.7,
    replace: bool = False,
    on_progress: Callable[[float], None] | None = None,
    on_remark: Callable[[str], None] | None = None,
) -> Gallery[Harmony]:
    """Harmonise a tune in four voices: alto, tenor and bass beneath it.

    tune: a file, notes by name, a `Tune`, a `Melody` or music in memory; of several parts the melody. out: where to
    write, by suffix; of several versions each has its number. seed: random seed; None draws one.
    n: versions. model: one of four voices that was trained with the soprano given. temperature: lower is safer.
    replace: as of `Harmony.save`.
    on_remark: called with what was taken of the file; without it, a warning.
    Raises ValueError for another model or a tune without notes, MusicFileError where a file cannot be read.
    """
    from secrets import randbits

    from ritornello.generate.voices.harmonise import harmonise_melody
    from ritornello.model.blas import one_thread
    from ritornello.model.file import find_model, load_model

    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    if not 0 < temperature <= 10:
        raise ValueError(f"temperature must be above 0 and at most 10, not {temperature}")
    if out is not None:
        check_suffix(out)
    song = read_song(tune)
    file = getattr(model, "file", None) or load_model(find_model(model))
    given = randbits(31) if seed is None else seed
    with one_thread():
        found = harmonise_melody(
            file.build(), file.encoding, song.melody, given, n, temperature, on_progress=on_progress
        )
    name = Path(str(getattr(model, "name", model))).name
    origin = f"harmonised by {name}, seed {given}, version"
    versions = [Harmony(each.piece, each.judgement, given, k, f"{origin} {k + 1}") for k, each in enumerate(found)]
    made = Gallery(versions, f"{name}, seed {given}")
    for path, each in zip(paths_of(out, n), made, strict=True) if out is not None else ():
        each.save(path, replace)
    for line in song.lines:
        (on_remark or partial(warnings.warn, stacklevel=2))(line)
    return made


def paths_of(out: str | Path, n: int) -> list[Path]:
    """List the files of n versions: "hymn.mid", or "hymn-1.mid", "hymn-2.mid" ..."""
    path = Path(out)
    return [path] if n == 1 else [path.with_name(f"{path.stem}-{k}{path.suffix}") for k in range(1, n + 1)]

"""Melodies, pieces, and lists of them, that show themselves in a notebook, sound there, and are saved by suffix."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

from ritornello.music.lines import part_lines, with_voices_named
from ritornello.music.values import Melody, Piece
from ritornello.plural import counted

if TYPE_CHECKING:
    from ritornello.render.page import Exhibit

T = TypeVar("T")
MOST_CARDS = 20  # of one gallery
NAMED = 3  # melodies of a gallery that its repr names


class ShownMelody(Melody):
    """A melody that a notebook shows: its staff, its piano roll and a player.

    It equals any melody of the same values.
    """

    __slots__ = ()

    @classmethod
    def of(cls, melody: Melody) -> ShownMelody:
        """Make a melody that shows itself from one of the same values."""
        return cls(melody.notes, melody.timeline, melody.title, melody.source, melody.chords)

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the melody by suffix: .mid .musicxml .abc .svg .png .wav .mp3 .ogg .flac .html.

        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix,
        FileExistsError for a file that must be kept, OSError naming the path where it cannot be written.
        """
        from ritornello.render.save import save_melody

        save_melody(self, path, replace=replace)

    def to_music21(self) -> Any:
        """Convert the melody to a score of music21. Raises ImportError without music21."""
        from ritornello.music.objects import to_music21

        return to_music21(self)

    def exhibit(self, is_small: bool = False) -> Exhibit:
        """Make what a page shows of it. is_small: with sound that takes half the room."""
        from ritornello.render.save import exhibit_of

        return exhibit_of(self, is_small=is_small)

    def __repr__(self) -> str:
        return f"Melody({self.title or self.source or 'without a title'!r}: {counted(len(self.notes), 'note')})"

    def _repr_svg_(self) -> str:
        """Draw the staff alone, for viewers that show no frames."""
        from ritornello.render.staff import staff_svg

        return staff_svg(self)

    def _repr_html_(self) -> str:
        from ritornello.render.page import notebook_html

        return notebook_html(self.exhibit())

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is a melody of the same notes, timeline, title and source."""
        if not isinstance(other, Melody):
            return NotImplemented
        return (self.notes, self.timeline, self.title, self.source) == (
            other.notes, other.timeline, other.title, other.source,
        )  # fmt: skip

    __hash__ = Melody.__hash__


class ShownPiece(Piece):
    """A source work that a notebook shows: a staff and a colour for each of its parts, and a player of them all.

    It equals any piece of the same values.
    """

    __slots__ = ()

    @classmethod
    def of(cls, piece: Piece) -> ShownPiece:
        """Make a piece that shows itself; four voices without names get theirs."""
        return cls(with_voices_named(piece.parts), *(getattr(piece, f.name) for f in fields(Piece)[1:]))

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is a piece of the same values."""
        same = all(getattr(self, f.name) == getattr(other, f.name, None) for f in fields(Piece))
        return same if isinstance(other, Piece) else NotImplemented

    __hash__ = Piece.__hash__

    def lines(self) -> Gallery[ShownMelody]:
        """List the highest line of each part that has notes; percussion is left out."""
        return Gallery(map(ShownMelody.of, part_lines(self)), self.title or Path(self.source).name)

    def staves(self) -> str:
        """Engrave all parts as an SVG, a staff each with its highest line (see `piece_svg`)."""
        from ritornello.render.staff import piece_svg

        return piece_svg(self)

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the piece by suffix: .mid .musicxml .svg .png .wav .mp3 .ogg .flac .html.

        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix and
        for MusicXML of chords, FileExistsError for a file that must be kept, OSError where it cannot be written.
        """
        from ritornello import atomic
        from ritornello.render.save import piece_bytes

        atomic.write_bytes(path, piece_bytes(self, path), replace=replace)

    def exhibit(self, is_small: bool = False) -> Exhibit:
        """Make what a page shows of it. is_small: with sound that takes half the room.

        Raises ValueError where no part has notes.
        """
        from ritornello.render.save import piece_exhibit

        return piece_exhibit(self, is_small=is_small)

    def __repr__(self) -> str:
        return f"Piece({self.title or self.source!r}: {counted(len(self.parts), 'part')})"

    def _sounds(self) -> bool:
        return any(part.notes and not part.is_drum for part in self.parts)

    def _repr_svg_(self) -> str | None:
        """Draw the staves alone, for viewers that show no frames."""
        return self.staves() if self._sounds() else None

    def _repr_html_(self) -> str | None:
        from ritornello.render.page import notebook_html

        return notebook_html(self.exhibit()) if self._sounds() else None


class Gallery(list[T], Generic[T]):
    """A list of melodies or tunes that a notebook shows side by side, a player each; the first of a long one.

    items: melodies, pieces, tunes, or a mapping of what each is called to the tune. name: a word or two above them. A
    slice is a gallery too.
    """

    def __init__(self, items: Iterable[T] | Mapping[str, T] = (), name: str = ""):
        self.titles = list(items) if isinstance(items, Mapping) else []
        super().__init__(items.values() if isinstance(items, Mapping) else items)
        self.name = name

    @overload
    def __getitem__(self, place: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Gallery[T]: ...
    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        if not isinstance(place, slice):
            return found
        titles = self.titles[place]
        return Gallery(dict(zip(titles, found, strict=True)) if titles else found, self.name)

    def __repr__(self) -> str:
        names = [repr(item) for item in self[:NAMED]]
        more = f" and {len(self) - NAMED:,} more" if len(self) > NAMED else ""
        return f"[{', '.join(names)}{more}]"

    def html(self, most: int, sliced: str = "") -> str:
        """Make the HTML of a notebook cell that shows the first ones, at most so many.

        sliced: as of `gallery_html`.
        """
        from ritornello.render.gallery import gallery_html, shown_first

        lines: list[Any] = [_shown(line) for line in self]
        music = [getattr(line, "piece", getattr(line, "melody", line)) for line in lines[:most]]
        count = shown_first([m.timeline.seconds(m.timeline.length) for m in music])
        exhibits = [line.exhibit(is_small=True) for line in lines[:count]]
        if self.titles:
            exhibits = [replace(shown, title=str(title)) for shown, title in zip(exhibits, self.titles, strict=False)]
        noun = "piece" if music and isinstance(music[0], Piece) else "melody"
        return gallery_html(exhibits, len(self), self.name, noun, sliced)

    def _repr_html_(self) -> str | None:
        with suppress(ValueError):  # a piece without notes, or of percussion alone
            return self.html(MOST_CARDS) if self else None
        return None


def _shown(music: Any) -> Any:
    """Make music that shows itself of a plain melody or piece; what does so already stays."""
    if hasattr(music, "exhibit"):
        return music
    if isinstance(music, Melody):
        return ShownMelody.of(music)
    if isinstance(music, Piece):
        return ShownPiece.of(music)
    raise TypeError(f"a gallery shows melodies, pieces and tunes, not {type(music).__name__}")


def _is_shown(item: Any) -> bool:
    """Tell whether a gallery has a card for it."""
    return isinstance(item, Melody | Piece) or hasattr(item, "exhibit")


def _collection_html(items: Any) -> str | None:
    """Show a list, a tuple, a mapping or its values as a gallery; None unless all is music."""
    if isinstance(items, Gallery):
        return items._repr_html_()
    found = items.values() if isinstance(items, Mapping) else items
    return Gallery(items)._repr_html_() if found and all(map(_is_shown, found)) else None


def show_plain_music() -> None:
    """Let notebooks show plain melodies and pieces, and collections of music."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    formatters = shell.display_formatter.formatters
    for music in (Melody, Piece):
        formatters["text/html"].for_type(music, lambda m: _shown(m)._repr_html_())
        formatters["image/svg+xml"].for_type(music, lambda m: _shown(m)._repr_svg_())
        formatters["text/plain"].for_type(music, lambda m, printer, _: printer.text(repr(_shown(m))))
    kinds: list[type] = [list, tuple, dict, type({}.values())]
    for kind in kinds:
        formatters["text/html"].for_type(kind, _collection_html)


show_plain_music()

"""A melody that shows itself in a notebook, sounds, and is saved by suffix."""

from __future__ import annotations

from pathlib import Path

from ritornello.music.values import Melody


class ShownMelody(Melody):
    """A melody that a notebook shows: its staff, its piano roll and a player.

    It equals any melody of the same values.
    """

    __slots__ = ()

    def save(self, path: str | Path, replace: bool = False) -> None:
        """Write the melody by suffix: .mid .musicxml .abc .svg .png .wav .mp3 .ogg .flac .html.

        replace: let it take the place of a file that holds something else. Raises ValueError for another suffix,
        FileExistsError for a file that must be kept, OSError naming the path where it cannot be written.
        """
        from ritornello.render.save import save_melody

        save_melody(self, path, replace=replace)

    def _repr_svg_(self) -> str:
        """Draw the staff alone, for viewers that show no frames."""
        from ritornello.render.staff import staff_svg

        return staff_svg(self)

    def _repr_html_(self) -> str:
        from ritornello.render.page import notebook_html
        from ritornello.render.save import exhibit_of

        return notebook_html(exhibit_of(self))

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is a melody of the same notes, timeline, title and source."""
        if not isinstance(other, Melody):
            return NotImplemented
        return (self.notes, self.timeline, self.title, self.source) == (
            other.notes, other.timeline, other.title, other.source,
        )  # fmt: skip

    __hash__ = Melody.__hash__

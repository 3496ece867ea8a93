"""Save a melody in any format to see, hear or exchange it, by the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ritornello import atomic
from ritornello.music.files import WRITABLE, encoded, write
from ritornello.music.values import Melody

if TYPE_CHECKING:
    from ritornello.render.page import Exhibit

SOUNDS = (".wav", ".mp3", ".ogg", ".flac")
SUFFIXES = (*WRITABLE, ".svg", ".png", *SOUNDS, ".html")


def save_melody(
    melody: Melody,
    path: str | Path,
    probabilities: Sequence[float] | None = None,
    maker: str = "",
    replace: bool = False,
) -> None:
    """Write `melody` to `path`, whole or not at all.

    probabilities: (notes,), for a page that shows surprise. maker, replace: which file it may replace, as of
    `atomic.write_files`. Raises FileExistsError for one that must be kept, ValueError for a suffix not in SUFFIXES,
    ImportError naming the extra for .png without it, OSError naming `path` where it cannot be written.
    """
    if Path(path).suffix.lower() in WRITABLE:
        write(melody, path, maker, replace)
    else:
        atomic.write_bytes(path, melody_bytes(melody, path, probabilities), maker, replace)


def melody_bytes(melody: Melody, path: str | Path, probabilities: Sequence[float] | None = None) -> bytes:
    """Encode a melody by the suffix of a path, which is not written. See `save_melody`."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        return encoded(melody, path)
    if suffix in SOUNDS:
        from ritornello.render.audio_file import encode_audio
        from ritornello.render.sound import render_wave

        return encode_audio(render_wave(melody), suffix.lstrip("."))
    if suffix == ".html":
        from ritornello.render.page import frame_html

        return frame_html(exhibit_of(melody, probabilities)).encode()
    if suffix in (".svg", ".png"):
        from ritornello.render.staff import staff_png, staff_svg

        return staff_png(melody) if suffix == ".png" else staff_svg(melody).encode()
    raise ValueError(f"{path}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}")


def exhibit_of(melody: Melody, probabilities: Sequence[float] | None = None) -> Exhibit:
    """Make the exhibit of a melody, with its sound where it has notes."""
    from ritornello.render.audio_file import encode_audio
    from ritornello.render.page import Exhibit
    from ritornello.render.sound import render_wave

    audio = encode_audio(render_wave(melody), "mp3") if melody.notes else None
    return Exhibit(melody, audio, "audio/mpeg", probabilities=probabilities)

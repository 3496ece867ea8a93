"""Save a melody in any format to see, hear or exchange it, by the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ritornello import atomic
from ritornello.music.files import WRITABLE, write
from ritornello.music.values import Melody

SOUNDS = (".wav", ".mp3", ".ogg", ".flac")
SUFFIXES = (*WRITABLE, ".svg", ".png", *SOUNDS, ".html")


def save_melody(melody: Melody, path: str | Path, probabilities: Sequence[float] | None = None) -> None:
    """Write `melody` to `path`, whole or not at all.

    probabilities: (notes,), for a page that shows surprise. Raises ValueError for a suffix not in SUFFIXES,
    ImportError naming the extra for .png without it, OSError naming `path` where it cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        write(melody, path)
    elif suffix in SOUNDS:
        from ritornello.render.sound import save_audio

        save_audio(melody, path)
    elif suffix == ".html":
        from ritornello.render.audio_file import encode_audio
        from ritornello.render.page import Exhibit, frame_html
        from ritornello.render.sound import render_wave

        audio = encode_audio(render_wave(melody), "mp3") if melody.notes else None
        atomic.write_text(path, frame_html(Exhibit(melody, audio, "audio/mpeg", probabilities=probabilities)))
    elif suffix in (".svg", ".png"):
        from ritornello.render.staff import staff_png, staff_svg

        atomic.write_bytes(path, staff_png(melody) if suffix == ".png" else staff_svg(melody).encode())
    else:
        raise ValueError(
            f"{path}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}"
        )

"""ritornello play: hear a music file."""

from __future__ import annotations

from ritornello import api
from ritornello.cli.console import Console, Quiet


def play(file: str, /, *, soundfont: str | None = None, device: str | None = None, quiet: Quiet = False) -> None:
    """Hear a music file; a terminal shows its melody, as ABC and as a small piano roll.

    Ctrl-C stops it. It needs miniaudio: pip install miniaudio.

    Example: ritornello play tunes/seed1-001.mid

    Parameters
    ----------
    file
        A music file, all of whose parts sound; of a tune book, its first tune.
    soundfont
        An SF2 or SF3 file to play with, through the fluidsynth program.
    device
        Part of the name of a sound device; "null" is silent. Without it, the system's own.
    """
    console = Console(quiet)
    api.play(file, soundfont, device, on_melody=console.melody)

"""ritornello render: a music file as picture, page, sound or another format."""

from __future__ import annotations

from ritornello import api
from ritornello.cli.console import Console, Out, Quiet, Replace


def render(
    file: str,
    /,
    *,
    out: Out,
    all_parts: bool = False,
    soundfont: str | None = None,
    replace: Replace = False,
    quiet: Quiet = False,
) -> None:
    """Show or sound a music file, by the suffix of OUT.

    Pictures and pages: .svg .png .html. Sound: .wav .mp3 .ogg .flac. Other formats: .musicxml .abc .mid.
    Sound plays every part; pictures and notation show the melody, without words and chord names.

    Example: ritornello render tune.mid -o tune.svg

    Parameters
    ----------
    file
        A music file; of a tune book, its first tune.
    out
        The file to write; its suffix says what.
    all_parts
        Draw a staff for each part (.svg and .png), with its highest line; the two of a piano on a brace.
    soundfont
        An SF2 or SF3 file to play with, through the fluidsynth program.
    """
    console = Console(quiet)
    api.render_file(file, out, soundfont, replace, console.warn, all_parts)
    console.result(out, out)

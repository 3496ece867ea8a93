"""ritornello render: a music file as picture, page, sound or another format."""

from __future__ import annotations

from pathlib import Path

from ritornello.cli.console import Console, Out, Quiet


def render(file: str, /, *, out: Out, soundfont: str | None = None, quiet: Quiet = False) -> int:
    """Show or sound a music file: .svg .png .wav .mp3 .ogg .flac .html .musicxml .abc .mid, by the suffix of OUT.

    Sound plays every part; pictures and notation show the melody.

    Example: ritornello render tune.mid -o tune.svg

    Parameters
    ----------
    file
        A music file; of a tune book, its first tune.
    out
        The file to write; its suffix says what.
    soundfont
        An SF2 or SF3 file to play with, through the fluidsynth program.
    """
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.music.worker import read_untrusted
    from ritornello.render.save import SOUNDS, SUFFIXES, save_melody
    from ritornello.render.sound import save_audio

    suffix = Path(out).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{out}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}")
    piece = read_untrusted(file)[0]
    if suffix in SOUNDS:
        save_audio(piece, out, soundfont=soundfont)
    else:
        save_melody(pick_melody(piece), out)
    Console(quiet).result(out, out)
    return 0

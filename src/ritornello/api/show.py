"""Music files as pictures, pages, sound or another format."""

from __future__ import annotations

from pathlib import Path


def render_file(
    file: str | Path, out: str | Path, soundfont: str | Path | None = None, replace: bool = False
) -> Path:
    """Show or sound a music file, by the suffix of `out`.

    .svg .png .html; .wav .mp3 .ogg .flac; .musicxml .abc .mid.
    Sound plays every part, pictures and notation show the melody; of a tune book it is the first tune.
    soundfont: an SF2 or SF3 file to play with, through the fluidsynth program.
    replace: let it replace any file, not only what was rendered from the same file and that nobody changed.
    Raises FileExistsError for a file that must be kept, ValueError for another suffix, MusicFileError (a ValueError)
    where the file cannot be read.
    """
    from ritornello import atomic
    from ritornello.corpus.pick.pick import pick_melody
    from ritornello.music.worker import read_untrusted
    from ritornello.render.save import SOUNDS, SUFFIXES, save_melody
    from ritornello.render.sound import save_audio

    suffix = Path(out).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{out}: cannot render to {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}")
    maker = atomic.maker_of("render", file)
    atomic.check_files([out], maker, replace)
    piece = read_untrusted(file)[0]
    if suffix in SOUNDS:
        save_audio(piece, out, soundfont=soundfont, maker=maker, replace=replace)
    else:
        save_melody(pick_melody(piece), out, maker=maker, replace=replace)
    return Path(out)

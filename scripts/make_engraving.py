"""Draw tunes as the program draws them and as MuseScore 3 draws the MusicXML of the program, for docs/engraving.

    python scripts/make_engraving.py [docs/engraving]

Needs Debian's `musescore3`. The tunes are of the embedded corpora (public domain and CC0) and of the default model.
`verdicts.txt` has a line for each, to be written by hand by somebody who has looked at both pictures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ritornello import api
from ritornello.generate.chords import parse_chart
from ritornello.generate.primer import parse_notes
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.values import Imprint, Melody, Piece
from ritornello.render.save import piece_bytes
from ritornello.render.staff import piece_svg, staff_svg

CORPUS_TUNES = (  # what it shows, corpus, title, which of the melodies of that title, bars (0: all)
    ("four-four with a pick-up", "hymns", "All Glory, Laud, and Honor", 0, 0),
    ("three-four", "hymns", "Amazing Grace", 0, 0),
    ("minor with a raised leading note", "songs", "Der stuermische Morgen", 0, 0),
    ("triplets", "songs", "Le clairon fleuri", 0, 8),
    ("changes of metre", "hymns", "By Grace I'm Saved", 0, 0),
    ("a low one", "songs", "Denn es gehet dem Menschen wie dem Vieh", 0, 12),
    ("a chromatic one", "songs", "Wehmut, D.772", 0, 0),
)
COMPOSED = (
    ("six-eight, composed", "6/8", 3),
    ("seven-eight, composed", "7/8", 1),
    ("3+2+2/8, composed", "3+2+2/8", 2),
)
CHROMATIC = "E4 F4 G4 C5 B4 F#4 G4:2 F#4 D#4 F#4 A4 G4 F#4 E4:2 Eb4 F4 G4 Eb4 D4 Bb3 D4 F4 F#4 A4 C5 A4 B4:4"
CHROMATIC_CHORDS = "C | G | B7 | Em | Cm | Bb | D7 | G"
FOUR_VOICES = "A Mighty Fortress Is Our God"
NO_VERDICT = "(no verdict yet)"


class Example(NamedTuple):
    """A tune, or a piece of several parts, what it shows, and who made it."""

    shows: str
    music: Melody | Piece
    composer: str

    def svg(self) -> str:
        """Draw it as the program does."""
        if isinstance(self.music, Piece):
            return piece_svg(self.music)
        return staff_svg(self.music, composer=self.composer)

    def musicxml(self) -> bytes:
        """Write it as the program does."""
        if isinstance(self.music, Piece):
            return piece_bytes(self.music, "tune.musicxml")
        return write_musicxml(self.music, Imprint(composer=self.composer)).encode()


def main() -> None:
    """Draw all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[1] / "docs" / "engraving")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    examples = [*corpus_examples(), *composed_examples(), *chord_examples(), *part_examples()]
    for number, example in enumerate(examples, 1):
        (folder / f"{number:02d}-ritornello.svg").write_text(example.svg(), "utf-8")
        draw_by_musescore(example, folder / f"{number:02d}-musescore.png")
    write_page(folder, examples)


def corpus_examples() -> Iterator[Example]:
    """Find the tunes of the embedded corpora."""
    for shows, name, title, which, bars in CORPUS_TUNES:
        corpus = api.load_corpus(name)
        pieces = [piece for piece, _ in corpus.slices(None)]
        found = [(m, p.composer) for m, p in zip(corpus.melodies(), pieces, strict=True) if m.title == title]
        melody, composer = found[which]
        if bars:
            melody = melody.between(0, melody.timeline.barlines()[bars + bool(melody.timeline.pickup)])
        yield Example(shows, melody, composer)


def composed_examples() -> Iterator[Example]:
    """Compose the others with the default model."""
    model = api.load_model()
    for shows, metre, seed in COMPOSED:
        yield Example(
            shows, model.generate(bars=8, metre=metre, seed=seed).melody, f"model {model.called.split()[0]}"
        )


def chord_examples() -> Iterator[Example]:
    """Lay chords over tunes: those of a hymn, and a melody whose chromatic notes belong to its chords."""
    silent = next(m for m in api.load_corpus("hymns").melodies() if m.title == "Silent Night")
    yield Example("chords above the staff", silent, "")
    line = parse_notes(CHROMATIC, "4/4")
    asked = parse_chart(CHROMATIC_CHORDS)
    bars = line.timeline.barlines()
    chords = tuple((start, slot.chord) for start, bar in zip(bars, asked.bars) for slot in bar)
    yield Example("chromatic notes over chords", replace(line, title="Borrowed notes", chords=chords), "")


def part_examples() -> Iterator[Example]:
    """Take four voices of a hymn, and a composed tune with broken chords below it."""
    yield Example(
        "four voices", next(p for p in api.load_corpus("hymns-voices").music() if p.title == FOUR_VOICES), ""
    )
    tune = api.load_model().generate(chords="C | Am | F | G7 | C | Am | F G7 | C", comp="broken", seed=1)
    yield Example("a melody over broken chords", replace(tune.sounding, title="Over broken chords"), "")


def draw_by_musescore(example: Example, path: Path) -> None:
    """Let MuseScore 3 draw the MusicXML of a tune, cut to what is drawn."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tune.musicxml"
        source.write_bytes(example.musicxml())
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        command = ["mscore3", "-T", "20", "-r", "110", "-o", str(Path(folder) / "tune.png"), str(source)]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
        path.write_bytes((Path(folder) / "tune-1.png").read_bytes())


def write_page(folder: Path, examples: list[Example]) -> None:
    """Write the page with both pictures and the verdict of each; verdicts stay with the titles of their tunes."""
    place = folder / "verdicts.txt"
    lines = place.read_text("utf-8").splitlines() if place.exists() else []
    verdicts = dict(line.split("\t", 1) for line in lines if "\t" in line)
    rows = []
    for number, example in enumerate(examples, 1):
        verdict = verdicts.setdefault(example.music.title, NO_VERDICT)
        pictures = f"![by ritornello]({number:02d}-ritornello.svg)\n\n![by MuseScore]({number:02d}-musescore.png)"
        rows.append(f"## {number}. {example.music.title}: {example.shows}\n\n{verdict}\n\n{pictures}\n")
    kept = "".join(f"{e.music.title}\t{verdicts[e.music.title]}\n" for e in examples)
    place.write_text(kept, "utf-8")
    head = """# Tunes, engraved twice

First as Ritornello draws them (`tune.save("tune.svg")`), then as MuseScore 3 draws the MusicXML that Ritornello
writes of them (`tune.save("tune.musicxml")`), opened without a change. Made by `scripts/make_engraving.py`; the
verdicts were written by hand, after looking at both.

"""
    (folder / "README.md").write_text(head + "\n".join(rows), "utf-8")


if __name__ == "__main__":
    main()

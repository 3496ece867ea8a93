"""Play the five worked pieces and the seven ways of docs/instruments.md on the virtual clock, and picture them.

    python scripts/make_pieces.py [docs/instruments] [--only duet,follow]

The player's parts lie in examples/pieces as MIDI files; they are written anew from `PLAYERS` below, which is ABC. Of
each piece there is a picture (SVG, both players in two colours), of five a sound, and figures in `measured.json`.
The tunes are in the public domain (Ach, du lieber Augustin; Frère Jacques) or were written for this page.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello import atomic
from ritornello.api import load_model
from ritornello.api.live import Jam
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line
from ritornello.live.rehearsal import rehearse
from ritornello.live.score import Performance, performance_of
from ritornello.live.session import Heading, Session
from ritornello.live.stage.presets import read_preset
from ritornello.live.values import Event
from ritornello.model.file import digest
from ritornello.music.abc.reader import read_abc
from ritornello.music.files import write
from ritornello.music.values import Melody, Piece, Timeline
from ritornello.render.audio_file import encode_audio
from ritornello.render.sound import render_wave

ROOT = Path(__file__).parents[1]
PLAYERS = {
    "duet": """X:1\nT:Ach, du lieber Augustin\nM:3/4\nL:1/8\nQ:1/4=132\nK:C
g3 a g f|e2 c2 c2|d2 G2 G2|e2 c2 c2|g3 a g f|e2 c2 c2|d2 G2 G2|c6|
d2 G2 G2|e2 c2 c2|d2 G2 G2|e2 c2 c2|g3 a g f|e2 c2 c2|d2 G2 G2|c6|""",
    "phrases": """X:1\nT:Phrases with rests\nM:4/4\nL:1/8\nQ:1/4=104\nK:G
G2 A2 B2 d2|B2 A2 G4|z8|z8|d2 ed B2 G2|A2 B2 A4|z8|z8|""",
    "turns": """X:1\nT:Note by note\nM:4/4\nL:1/8\nQ:1/4=104\nK:G
G2 z2 B2 z2|d2 z2 c2 z2|B2 z2 A2 z2|G4 z4|B2 z2 d2 z2|e2 z2 d2 z2|c2 z2 A2 z2|G4 z4|""",
    "conductor": """X:1\nT:A phrase to be conducted\nM:4/4\nL:1/8\nQ:1/4=96\nK:Dm
A2 d2 f2 e d|c2 e2 d4|z8|z8|z8|z8|z8|z8|a2 f2 d2 f2|e2 c2 d4|""",
    "studio-track": """X:1\nT:A riff\nM:4/4\nL:1/16\nQ:1/4=120\nK:Am
A2 A2 e2 d c z2 A2 c2 d2|e2 d c A2 G2 A4 z4|z16|z16|a2 a2 g2 e d z2 e2 d2 c2|A2 c d e2 d c A4 z4|z16|z16|""",
    "class": """X:1\nT:Three pupils\nM:4/4\nL:1/8\nQ:1/4=112\nK:F
F2 G2 A2 F2|F2 G2 A2 F2|z8|z8|A2 B2 c4|cd cB A2 F2|z8|z8|c3 d c2 A2|B2 G2 F4|z8|z8|""",
}
FRAME = 441  # samples, a hundredth of a second: of the onsets that are looked for
RATE, COMPRESSION = 44100, 0.9
HEARD, PLAYED = "#2f6f9f", "#d9672b"


class Recipe(NamedTuple):
    """A piece and the way in which it is played.

    player: of PLAYERS, "" for none. extra: events besides, by name of a function. has_sound: whether it is heard.
    """

    player: str
    seed: int
    preset: str = ""
    dials: Mapping[str, Any] = MappingProxyType({})
    seconds: float | None = None
    extra: str = ""
    has_sound: bool = False


PIECES = {
    "duet": Recipe("duet", 1, "duet", {"program": 71}, has_sound=True),
    "installation": Recipe("", 1, "installation", seconds=60, extra="room", has_sound=True),
    "conductor": Recipe("conductor", 1, "conductor", extra="baton", has_sound=True),
    "studio-track": Recipe("studio-track", 1, "studio-track", extra="studio", has_sound=True),
    "class": Recipe("class", 1, "class", {"program": 73}, has_sound=True),
    "way-call-response": Recipe("phrases", 1, dials={"mode": "call-response"}),
    "way-continue": Recipe("phrases", 1, dials={"mode": "continue"}),
    "way-duet": Recipe("duet", 1, dials={"mode": "duet"}),
    "way-follow": Recipe("duet", 1, dials={"mode": "follow"}),
    "way-interleave": Recipe("turns", 1, dials={"mode": "interleave"}),
    "way-fill": Recipe("phrases", 1, dials={"mode": "fill"}),
    "way-autonomous": Recipe("", 1, dials={"mode": "autonomous"}, seconds=40),
}


def main() -> None:
    """Write the player's parts, pictures, sounds and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "instruments")
    parser.add_argument("--only", default="", help="names, with commas")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    write_players(ROOT / "examples" / "pieces")
    names = options.only.split(",") if options.only else [*PIECES]
    figures_path = options.folder / "measured.json"
    figures = json.loads(figures_path.read_text("utf-8")) if figures_path.is_file() else {}
    for name in names:
        figures[name] = write_piece(options.folder, name)
        print(name, figures[name])
    text = json.dumps({name: figures[name] for name in PIECES if name in figures}, indent=1)
    atomic.rewrite(figures_path, (text + "\n").encode())


def write_players(folder: Path) -> None:
    """Write the player's parts as MIDI files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PLAYERS:
        write(player_of(name), folder / f"{name}.mid", replace=True)


def player_of(name: str) -> Melody:
    """Read a player's part; first beats are louder, and the second half of the piece a little more so."""
    [piece] = read_abc(PLAYERS[name])
    timeline = piece.timeline
    bars = timeline.barlines()
    last = max(note.end for note in piece.parts[0].notes)
    notes = [
        note._replace(velocity=68 + 16 * (note.start in bars) + round(16 * note.start / last))
        for note in piece.parts[0].notes
    ]
    return Melody(tuple(notes), timeline, title=piece.title)


def write_piece(folder: Path, name: str) -> dict[str, Any]:
    """Play a piece; write its picture and sound, and return its figures."""
    recipe = PIECES[name]
    made = performed(recipe)
    piece = made.piece
    atomic.rewrite(folder / f"{name}.svg", roll_of(piece).encode())
    player, machine = (part.notes for part in piece.parts)
    figures: dict[str, Any] = {"heard": len(player), "played": len(machine)}
    if made.session.heading.dials.mode not in ("duet", "follow", "interleave"):
        figures["answers"] = [[round(bar, 2), round(bars, 2), notes] for bar, bars, notes in made.answers]
    if recipe.has_sound:
        wave = render_wave(piece, RATE)
        atomic.rewrite(folder / f"{name}.ogg", encode_audio(wave.mean(1), "ogg", RATE, COMPRESSION))
        figures |= sound_figures(wave, piece)
    return figures


def performed(recipe: Recipe) -> Jam:
    """Play a recipe on the virtual clock."""
    model = load_model()
    dials = Dials(**{**(read_preset(recipe.preset).dials if recipe.preset else {}), **recipe.dials})
    events: list[Event] = []
    end = recipe.seconds or 0.0
    if recipe.player:
        player = player_of(recipe.player)
        events, end, qpm, metre = performance_of(player.notes, player.timeline)
        dials = Dials(**{**vars(dials), "qpm": qpm, "metre": metre})
    if recipe.extra:
        events = [*events, *EXTRAS[recipe.extra](end, dials.qpm)]
        events.sort(key=lambda event: event.time)
    heading = Heading(model.name, digest(model.file.tensors), recipe.seed, dials)
    kept = Session(heading)
    engine = Engine(Line.of(model.file, recipe.seed, dials), dials, recipe.seed, kept.add)
    kept.end = rehearse(engine, Performance(events, end, dials.qpm, dials.metre), recipe.seconds)
    return Jam(kept)


def room(end: float, _qpm: float) -> Iterator[Event]:
    """Tick as the clock of a room: 84, then 96; 2 ms of jitter, and a second of silence."""
    random, time = Random(0), 0.0
    yield Event(0.0, "start")
    while time < end:
        if not 14 < time < 15:
            yield Event(max(time + random.uniform(-0.002, 0.002), 0.0), "clock")
        time += 60 / (84 if time < 10 else 96) / 24


def studio(end: float, qpm: float) -> Iterator[Event]:
    """Tick as a studio program: its tempo without jitter, from the first bar, and past the end for an answer."""
    yield Event(0.0, "start")
    for tick in range(math.ceil(end * qpm / 60 * 24)):
        yield Event(tick * 60 / qpm / 24, "clock")


def baton(end: float, _qpm: float) -> Iterator[Event]:
    """Move temperature and density as the conductor does: from calm to wild and back, four times a second."""
    for step in range(int(end * 4)):
        height = math.sin(math.pi * step / (end * 4)) ** 2
        yield Event(step / 4, "dial", name="temperature", value=round(0.5 + 0.9 * height, 3))
        yield Event(step / 4, "dial", name="density", value=round(0.7 + 0.8 * height, 3))


EXTRAS = {"room": room, "studio": studio, "baton": baton}


def roll_of(piece: Piece, width: int = 1000, row: int = 6) -> str:
    """Draw a performance as a roll: what was heard in blue, what was played in orange, barlines with numbers."""
    player, machine = (part.notes for part in piece.parts)
    notes = [*player, *machine]
    low, high = min(n.pitch for n in notes) - 2, max(n.pitch for n in notes) + 2
    timeline = Timeline(piece.timeline.ticks_per_quarter, max(n.end for n in notes), piece.timeline.metres)
    lines = timeline.barlines()
    scale, height = (width - 44) / max(*lines, 1), (high - low + 1) * row + 34

    def x(tick: float) -> float:
        return round(40 + tick * scale, 1)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="10"><rect width="{width}" height="{height}" fill="#fffdf8"/>'
    ]
    for number, tick in enumerate(lines[:-1], 1):
        drawn.append(f'<path d="M{x(tick)} 14V{height - 20}" stroke="#cfc6b6"/>')
        drawn.append(f'<text x="{x(tick) + 2}" y="11" fill="#8a8172">{number}</text>')
    for pitch in range(-(-low // 12) * 12, high + 1, 12):
        y = 14 + (high - pitch + 0.75) * row
        drawn.append(f'<text x="6" y="{y + 3:g}" fill="#8a8172">C{pitch // 12 - 1}</text>')
        drawn.append(f'<path d="M40 {y:g}H{width - 4}" stroke="#eee6d8"/>')
    for colour, part in ((HEARD, player), (PLAYED, machine)):
        drawn += [
            f'<rect x="{x(note.start)}" y="{14 + (high - note.pitch) * row}" height="{row}" rx="1.5" '
            f'width="{max(note.duration * scale - 0.8, 1.2):.1f}" fill="{colour}" '
            f'fill-opacity="{0.45 + 0.55 * min(note.velocity, 110) / 110:.2f}"/>'
            for note in part
        ]
    for place, colour, text in ((44, HEARD, "player"), (110, PLAYED, "machine")):
        drawn.append(f'<rect x="{place}" y="{height - 13}" width="10" height="8" fill="{colour}"/>')
        drawn.append(f'<text x="{place + 14}" y="{height - 5}" fill="#555">{text}</text>')
    return "".join([*drawn, "</svg>\n"])


def sound_figures(wave: NDArray[np.float32], piece: Piece) -> dict[str, float]:
    """Measure a sound: seconds, peak and RMS in dBFS, and how many written onsets are heard in it.

    An onset is heard where the energy of 10 ms rises by 1 dB or more within 30 ms.
    """
    mono = wave.mean(1)
    frames = mono[: len(mono) // FRAME * FRAME].reshape(-1, FRAME)
    level = 10 * np.log10(np.square(frames).mean(1) + 1e-9)
    timeline = piece.timeline
    written = sorted({round(timeline.seconds(note.start), 2) for part in piece.parts for note in part.notes})
    heard = 0
    for time in written:
        at = int(time * RATE / FRAME)
        before, after = level[max(at - 2, 0) : at + 1], level[at : at + 5]
        heard += bool(len(after) and len(before) and after.max() - before.min() > 1)
    return {
        "seconds": round(len(wave) / RATE, 1),
        "peak_dbfs": round(20 * math.log10(float(np.abs(wave).max())), 1),
        "rms_dbfs": round(10 * math.log10(float(np.square(wave).mean())), 1),
        "onsets": len(written),
        "onsets_heard": heard,
    }


if __name__ == "__main__":
    main()

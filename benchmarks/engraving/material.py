"""Tunes whose sources say how each note is spelt: hymns in ABC, folk songs in kern, songs of MuseScore.

The notes and their times are read by the program; the names of the notes are read here, from the text of the source,
and taken only where they sound as the notes do, one by one.
"""

from __future__ import annotations

import random
import re
import tarfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from benchmarks.report import DATA

from ritornello.music.abc.fields import parse_key_field
from ritornello.music.beats import metre_named
from ritornello.music.errors import decode_text
from ritornello.music.files import scan_content
from ritornello.music.spelling import LINE_OF_FIFTHS
from ritornello.music.values import Key, Melody, Note, Part, Piece, Timeline

GROUPS = ("hymns", "kern", "songs")
COMPOSED = ("2/4", "3/4", "4/4", "6/8", "2/2", "3/8", "9/8", "12/8")
DRAWN = (
    *("2/4", "3/4", "4/4", "5/4", "6/4", "7/4", "2/2", "3/2", "4/2", "2/8", "3/8", "4/8", "5/8", "6/8", "7/8", "8/8"),
    *("9/8", "12/8", "6/16", "11/16"),
    *("3+2/4", "2+3/8", "3+2+2/8", "2+2+3/8", "3+3+2/8", "2+2+2+3/8", "3+3+2+2/8"),
)

SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
SIGNS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
ABC_NOTE = re.compile(r"(\^\^|\^|=|__|_)?([A-Ga-g])([',]*)[\d/]*(-?)")
KERN_NOTE = re.compile(r"([a-gA-G]+)([#-]*)")


class Named(NamedTuple):
    """A melody, and the place of each of its notes on the line of fifths, C being 0."""

    name: str
    group: str
    melody: Melody
    places: tuple[int, ...]


def named_tunes(count: int, seed: int = 1, groups: Sequence[str] = GROUPS) -> list[Named]:
    """Draw `count` tunes of each group, or all that there are."""
    found: list[Named] = []
    sources = {"hymns": _hymns, "kern": _kern, "songs": _songs}
    for group in groups:
        mine: list[Named] = []
        for name, content in sources[group](seed):
            if len(mine) == count:
                break
            tune = _named(group, name, content)
            mine += [tune] if tune else []
        found += mine
    return found


def composed_tunes(count: int, seed: int = 1) -> list[tuple[str, Melody]]:
    """Compose tunes of 8 bars with the default model, in each of its metres in turn."""
    from ritornello import load_model

    model = load_model()
    return [
        ("composed", tune.melody)
        for metre in COMPOSED
        for tune in model.generate(n=-(-count // len(COMPOSED)), metre=metre, bars=8, seed=seed)
    ][:count]


def chord_tunes(count: int, seed: int = 1) -> list[tuple[str, Melody]]:
    """Take tunes with chords above the staff: half from the embedded corpus, half composed over an own set each."""
    from ritornello import load_corpus, load_model

    people = [melody for melody in load_corpus("all").melodies() if melody.chords]
    taken = random.Random(seed).sample(people, count // 2)
    composed = load_model().generate(n=count - len(taken), chords="auto", bars=8, seed=seed)
    return [("chords", melody) for melody in [*taken, *(tune.melody for tune in composed)]]


def form_tunes(count: int, seed: int = 1) -> list[tuple[str, Melody]]:
    """Compose tunes with a form, in each of the metres in turn."""
    from ritornello import load_model

    model = load_model()
    return [
        ("forms", model.generate(form="AA'BA'", metre=COMPOSED[i % len(COMPOSED)], seed=seed + i).melody)
        for i in range(count)
    ]


def voice_pieces(count: int, seed: int = 1) -> list[tuple[str, Piece]]:
    """Take pieces of four staves: half of them hymns, half composed; and one of two drawn lines in each metre."""
    from ritornello import load_corpus, load_model

    hymns = [piece for piece in load_corpus("hymns-voices").music() if all(_is_line(part) for part in piece.parts)]
    taken = random.Random(seed).sample(hymns, count // 2)
    composed = load_model("four-voices").generate(n=count - len(taken), seed=seed)
    found: list[tuple[str, Piece]] = [("four voices", p) for p in [*taken, *(tune.melody for tune in composed)]]
    chance = random.Random(seed)
    for i, name in enumerate(DRAWN):
        state = chance.getstate()
        upper = _drawn(chance, name, i)
        after = chance.getstate()
        chance.setstate(state)  # the same bars, and a fifth lower
        lower = _drawn(chance, name, i).transposed(-7)
        chance.setstate(after)
        parts = (Part(upper.notes, "upper"), Part(lower.notes[::2], "lower"))
        found.append(("two drawn voices", Piece(parts, upper.timeline, upper.title)))
    return found


def _is_line(part: Part) -> bool:
    """Tell whether no two notes of a part sound together."""
    return all(a.end <= b.start for a, b in pairwise(part.notes))


def drawn_tunes(count: int, seed: int = 1) -> list[tuple[str, Melody]]:
    """Draw melodies of twelve bars in each metre in turn: all values from sixteenths to notes over two bars, rests,
    triplets, a pick-up, and every third melody with another metre and another key from its middle on.
    """
    chance = random.Random(seed)
    return [("drawn", _drawn(chance, DRAWN[i % len(DRAWN)], i)) for i in range(count)]


def _drawn(chance: random.Random, name: str, number: int) -> Melody:
    ticks, metre = 48, metre_named(name)
    bar = 4 * metre.numerator * ticks // metre.denominator
    pickup = chance.choice([0, 0, ticks, ticks // 2])
    pickup = pickup if pickup < bar else 0
    metres = [metre, metre._replace(tick=pickup)] if pickup else [metre]
    keys = [Key(0, chance.randint(-6, 6), chance.choice(["major", "minor"]))]
    end = pickup + 12 * bar
    if number % 3 == 0:
        other = metre_named(chance.choice(DRAWN))
        metres.append(other._replace(tick=pickup + 6 * bar))
        keys.append(Key(pickup + 6 * bar, chance.randint(-6, 6)))
        end = pickup + 6 * bar + 6 * 4 * other.numerator * ticks // other.denominator
    notes, place, pitch = [], 0, chance.randint(55, 75)
    while place < end:
        lengths = [chance.choice([12, 12, 24, 24, 24, 36, 48, 48, 72, 96, 144, 240])]
        if place % ticks == 0 and chance.random() < 0.15:
            lengths = chance.choice([[16, 16, 16], [32, 16], [16, 32], [8, 8, 8, 24], [32, 32, 32]])
        for length in lengths:
            pitch = min(90, max(43, pitch + chance.choice([-5, -2, -2, -1, -1, 0, 1, 1, 2, 2, 4])))
            if place + length <= end and chance.random() < 0.9:
                notes.append(Note(place, length, pitch))
            place += length
    return Melody(tuple(notes), Timeline(ticks, end, tuple(metres), tuple(keys)), f"drawn {number}, {name}")


def _hymns(seed: int) -> Iterator[tuple[str, bytes]]:
    yield from _files(sorted((DATA / "hymns").glob("*.abc")), seed)


def _kern(seed: int) -> Iterator[tuple[str, bytes]]:
    yield from _files(sorted((DATA / "melodies").rglob("*.krn")), seed)


def _files(paths: list[Path], seed: int) -> Iterator[tuple[str, bytes]]:
    random.Random(seed).shuffle(paths)
    for path in paths:
        yield path.name, path.read_bytes()


def _songs(seed: int) -> Iterator[tuple[str, bytes]]:
    """List the songs in the order of their archive, by composer, every third from one drawn by seed."""
    with tarfile.open(DATA / "lieder.tar.xz") as archive:
        for number, member in enumerate(m for m in archive if m.name.endswith(".mscx")):
            file = archive.extractfile(member)
            if file and number % 3 == seed % 3:
                yield Path(member.name).name, file.read()


def _named(group: str, name: str, content: bytes) -> Named | None:
    """Read one tune; None where the two readings do not agree in every note."""
    try:
        piece = scan_content(content, name, "written")[0][0]
        reading = {"hymns": _abc_places, "kern": _kern_places, "songs": _song_places}[group](content)
    except (ValueError, LookupError):
        return None
    melody = _top_line(piece)
    if [place * 7 % 12 for place in reading] != [note.pitch % 12 for note in melody.notes] or len(reading) < 12:
        return None
    return Named(name, group, melody, tuple(reading))


def _top_line(piece: Piece) -> Melody:
    """Take the highest note of the first part at each onset, cut where the next begins."""
    highest = {note.start: note for note in piece.parts[0].notes}
    line = list(highest.values())
    ends = [note.start for note in line[1:]] + [piece.timeline.length] * bool(line)
    notes = tuple(
        Note(n.start, min(n.duration, end - n.start), n.pitch)
        for n, end in zip(line, ends, strict=True)
        if end > n.start
    )
    return Melody(notes, piece.timeline, piece.title)


def _place(letter: str, alter: int) -> int:
    return LINE_OF_FIFTHS.index(letter.upper()) - 1 + 7 * alter


def _sound(place: int, octave: int) -> int:
    alter, letter = divmod(place + 1, 7)
    return 12 * octave + SEMITONES[LINE_OF_FIFTHS[letter]] + alter


def _abc_places(content: bytes) -> list[int]:
    """Name the top notes of the first voice of a hymn."""
    text = decode_text(content)
    text = text[text.index("\nX:") :]
    voice = re.search(r"(?m)^V:\s*(\S+)", text)[1]  # type: ignore[index]
    signature = dict(parse_key_field(re.search(r"(?m)^K:(.*)$", text)[1]).alterations)  # type: ignore[index]
    music = " ".join(re.findall(rf"(?m)^\[V:\s*{re.escape(voice)}\s*\](.*)$", text))
    music = re.sub(r'"[^"]*"|![^!]*!|\{[^}]*\}|%.*$', "", music)
    places: list[int] = []
    state: dict[tuple[str, int], int] = {}
    tied: int | None = None
    for token in re.finditer(r"\[K:([^\]]*)\]|\[[A-Z]:[^\]]*\]|\[[^\]|\d]*[^\]]*\]|\|+|" + ABC_NOTE.pattern, music):
        word = token[0]
        if word.startswith("[K:"):
            signature, state = dict(parse_key_field(token[1]).alterations), {}
        elif word.startswith("|"):
            state = {}
        elif not re.match(r"\[[A-Z]:", word):
            heads = []
            for sign, letter, marks, tie in ABC_NOTE.findall(word):
                octave = letter.islower() + marks.count("'") - marks.count(",")
                if sign:
                    state[letter.upper(), octave] = SIGNS[sign]
                alter = state.get((letter.upper(), octave), signature.get(letter.upper(), 0))
                place = _place(letter, alter)
                heads.append((_sound(place, octave), place, bool(tie) or word.endswith("-")))
            if not heads:
                continue
            sound, place, tie = max(heads)
            if sound != tied:
                places.append(place)
            tied = sound if tie else None
    return places


def _kern_places(content: bytes) -> list[int]:
    places = []
    for line in decode_text(content).splitlines():
        word = line.split("\t")[0]
        if not word or word[0] in "!*=" or "r" in word or "_" in word or "]" in word or "q" in word:
            continue
        found = KERN_NOTE.search(word)
        if found:
            places.append(_place(found[1][0], found[2].count("#") - found[2].count("-")))
    return places


def _song_places(content: bytes) -> list[int]:
    """Name the notes of the first staff by their tonal pitch classes, which count from F double flat, 14 being C."""
    root = ElementTree.fromstring(content)
    places: list[int] = []
    for staff in root.iter("Staff"):
        if staff.get("id") != "1" or staff.find("Measure") is None:
            continue
        for chord in staff.iter("Chord"):
            if any(child.tag.startswith(("grace", "acciaccatura", "appoggiatura")) for child in chord):
                continue
            notes = chord.findall("Note")
            note = max(notes, key=lambda n: int(n.findtext("pitch", "0")))
            if note.find("endSpanner") is None and note.find("Spanner[@type='Tie']/prev") is None:
                places.append(int(note.findtext("tpc", "14")) - 14)
        return places
    return places

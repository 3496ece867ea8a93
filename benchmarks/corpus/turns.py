"""How often is the tune found where two lines take turns? `python -m benchmarks.corpus.turns [--files N] [--json]`.

Songs in which a second line takes turns with the sung one, names and programs removed, drawn by seed. Three kinds:
a tune whose alternate phrases are given to a second track; a second melody (of another song, in the same key) that
fills the singer's rests and interludes, and sounds beside the singer now and then; songs for two voices as they are
written. The company is the written piano, or a band with bass, chords and a line in thirds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from benchmarks.corpus.midi_tracks import piece_bytes
from benchmarks.corpus.multitrack import Track, bass, broken, drums, held, moved, perform
from benchmarks.corpus.picking import SONGS, curve, judge, song_files
from benchmarks.report import arguments, tell
from scripts.make_corpus import KEYBOARDS, sung_part

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.music.files import scan_content
from ritornello.music.keys import estimate_key
from ritornello.music.lines import top_line
from ritornello.music.midi.reader import read_midi
from ritornello.music.values import Note, Part, Piece, Timeline

KINDS = ("alternate phrases", "second melody")
WANTED, FOREIGN = 0.85, 0.15  # right: at least so much of the sung line, at most so much of neither line
FIRST_SEED, ORDER = 5_000_000, 7
FEWEST = 40  # notes of a sung line
COMPANIES = ("piano", "piano", "piano lifted", "band", "band", "band in thirds", "band in thirds")


@dataclass(frozen=True, slots=True)
class Turns:
    """A piece, the places of its sung parts and of those that take turns with them, and how it was made.

    For alternate phrases both tracks are the sung line.
    """

    piece: Piece
    sung: tuple[int, ...]
    answering: tuple[int, ...]
    kind: str
    company: str


def is_singable(piece: Piece) -> bool:
    """Whether a song has an accompaniment and a sung line of some length."""
    line = sung_part(piece)
    return len(line.notes) >= FEWEST and any(p.notes and p is not line and not p.is_drum for p in piece.parts)


def singers(piece: Piece) -> list[Part]:
    """The parts with at least half as many words as the fullest, keyboards aside."""
    most = max(part.syllables for part in piece.parts)
    return [
        p
        for p in piece.parts
        if most and 2 * p.syllables >= most and not any(name in p.name.lower() for name in KEYBOARDS)
    ]


def taking_turns(piece: Piece, other: Piece, seed: int) -> Turns:
    """Make a song in which two lines take turns; `other` lends the second melody."""
    random = Random(seed)
    several = len(singers(piece)) == 2
    kind = "two voices" if several else random.choice(KINDS)
    voices = singers(piece) if several else [sung_part(piece)]
    lines = [list(top_line(part)) for part in voices]
    written = [list(p.notes) for p in piece.parts if p.notes and not p.is_drum and p not in voices]
    beat = piece.timeline.ticks_per_quarter
    bar = int(piece.timeline.bar_ticks(piece.timeline.metre))
    company = random.choice(COMPANIES)
    tune = lines[0]
    if kind == "alternate phrases":
        lines = _split(tune, beat, bar, random)
    elif kind == "second melody":
        tune, written, gaps = _with_interludes(tune, written, bar, random)
        lines = [tune, _answers(tune, gaps, list(top_line(sung_part(other))), other, beat, bar, random)]
    rest = _company(company, written, tune, beat, bar, random)
    tracks = [Track(line, "sung" if n == 0 or kind == KINDS[0] else "answer") for n, line in enumerate(lines)]
    tracks = [track for track in [*tracks, *rest] if len(track.notes) > 3]
    if random.random() < 0.3:
        tracks.append(Track(drums(piece, beat), "drums", is_drum=True))
    random.shuffle(tracks)
    shift = random.randint(-4, 4)
    for track in tracks:
        track.notes = track.notes if track.is_drum else moved(track.notes, shift)
    if random.random() < 0.4:
        perform(tracks, beat, random)
    return _assembled(piece, tracks, kind, company)


def _split(tune: Sequence[Note], beat: int, bar: int, random: Random) -> list[list[Note]]:
    """Give phrases, one or some at a time, to two tracks in turn; now and then an octave apart."""
    each, lines = random.choice((1, 1, 2, 4)), ([], [])
    for number, phrase in enumerate(_phrases(tune, beat, bar)):
        lines[number // each % 2].extend(phrase)
    lower = random.random() < 0.15
    return [list(lines[0]), moved(lines[1], -12) if lower else list(lines[1])]


def _phrases(tune: Sequence[Note], beat: int, bar: int) -> list[list[Note]]:
    """Cut a tune after rests of a quarter and after notes that are long, at least two bars apart."""
    found: list[list[Note]] = [[]]
    for note, after in zip(tune, [*tune[1:], None]):
        found[-1].append(note)
        if after is None:
            break
        is_end = after.start - note.end >= beat or note.duration >= 2 * beat
        if after.start - found[-1][0].start >= 2 * bar and (is_end or after.start - found[-1][0].start >= 6 * bar):
            found.append([])
    return found


def _with_interludes(
    tune: Sequence[Note], written: list[list[Note]], bar: int, random: Random
) -> tuple[list[Note], list[list[Note]], list[tuple[int, int]]]:
    """Repeat bars of the accompaniment, without the singer, at barlines where nothing is sung; list these bars."""
    end = max(n.end for n in tune)
    starts = [n.start for n in tune]
    free = [t for t in range(0, end + bar, bar) if (k := bisect_left(starts, t)) == 0 or tune[k - 1].end <= t]
    gaps: list[tuple[int, int]] = []
    for place in sorted(random.sample(free, min(len(free), random.randint(1, 4))), reverse=True):
        length = bar * random.choice((2, 4, 4, 8))
        source = max(0, min(place, end - length))
        tune = _opened(tune, place, length)
        copies = [[n for n in line if source <= n.start and n.end <= source + length] for line in written]
        written = [
            sorted(_opened(line, place, length) + [n._replace(start=n.start - source + place) for n in copy])
            for line, copy in zip(written, copies, strict=True)
        ]
        gaps = [(place, place + length), *((a + length, b + length) for a, b in gaps)]
    return list(tune), written, gaps


def _opened(notes: Sequence[Note], place: int, length: int) -> list[Note]:
    return [n._replace(start=n.start + length) if n.start >= place else n for n in notes]


def _answers(
    tune: Sequence[Note],
    gaps: list[tuple[int, int]],
    lent: Sequence[Note],
    other: Piece,
    beat: int,
    bar: int,
    random: Random,
) -> list[Note]:
    """Lay the phrases of another tune into the rests of a bar or more, and some beside the singer."""
    scale = beat / other.timeline.ticks_per_quarter
    lent = [n._replace(start=round(n.start * scale), duration=max(1, round(n.duration * scale))) for n in lent]
    up = (estimate_key(tune)[0].tonic - estimate_key(lent)[0].tonic + 6) % 12 - 6
    middle = sorted(n.pitch for n in tune)[len(tune) // 2] - sorted(n.pitch for n in lent)[len(lent) // 2]
    up += 12 * round((middle - up) / 12) + random.choice((0, 0, 0, 12))
    phrases = _phrases(moved(lent, up), beat, int(other.timeline.bar_ticks(other.timeline.metre) * scale))
    rests = [(a.end, b.start) for a, b in zip(tune, tune[1:]) if b.start - a.end >= bar]
    rests += [span for span in gaps if span[1] <= tune[0].start or span[0] >= tune[-1].end]
    beside = random.choice((0.0, 0.05, 0.1, 0.2))
    found: list[Note] = []
    for n, (begin, end) in enumerate(sorted(set(rests))):
        found += _laid(phrases, n, -(-begin // beat) * beat, end)
    for n, phrase in enumerate(_phrases(tune, beat, bar)):
        if random.random() < beside:
            found += _laid(phrases, n + 3, phrase[0].start, phrase[-1].end)
    return _legato_line(found)


def _laid(phrases: Sequence[Sequence[Note]], first: int, begin: int, end: int) -> list[Note]:
    """Lay phrases one after the other between two ticks."""
    found: list[Note] = []
    number = first
    while begin < end and number < first + 12:
        phrase = phrases[number % len(phrases)]
        later = begin - phrase[0].start
        found += [n._replace(start=n.start + later) for n in phrase if n.end + later <= end]
        begin += phrase[-1].end - phrase[0].start
        number += 1
    return found


def _legato_line(notes: Sequence[Note]) -> list[Note]:
    """Order notes and leave out those that start inside another."""
    line: list[Note] = []
    for note in sorted(notes):
        if not line or note.start >= line[-1].end:
            line.append(note)
    return line


def _company(
    kind: str, written: list[list[Note]], tune: Sequence[Note], beat: int, bar: int, random: Random
) -> list[Track]:
    below = [n for notes in written for n in notes]
    if kind == "piano" and random.random() < 0.5:
        return [Track(sorted(set(below)), "other")]
    if kind.startswith("piano"):
        lift = 12 if kind == "piano lifted" else 0
        return [Track(moved(notes, lift if n == 0 else 0), "other") for n, notes in enumerate(written)]
    band = [
        Track(bass(below), "bass"),
        Track(held(below, bar if bar % beat == 0 else 2 * beat, 0), "pad"),
        Track(broken(below, beat, random.choice((2, 4)), random.choice((0, 12))), "arpeggio"),
    ]
    band = random.sample(band, random.randint(2, 3))
    if kind == "band in thirds":
        band.append(Track(_thirds(tune, beat, bar, random), "thirds"))
    return band


def _thirds(tune: Sequence[Note], beat: int, bar: int, random: Random) -> list[Note]:
    """A counter-melody a third under (or a sixth) some of the phrases, in the key of the tune."""
    key = estimate_key(tune)[0]
    steps = (0, 2, 4, 5, 7, 9, 11) if key.mode == "major" else (0, 2, 3, 5, 7, 8, 10)
    scale = {(key.tonic + step) % 12 for step in steps}
    share = random.choice((0.3, 0.5, 0.8))
    found = []
    for phrase in _phrases(tune, beat, bar):
        if random.random() < share:
            for n in phrase:
                down = next((d for d in (3, 4) if (n.pitch - d) % 12 in scale), 3)
                found.append(n._replace(pitch=n.pitch - down))
    return found


def _assembled(piece: Piece, tracks: Sequence[Track], kind: str, company: str) -> Turns:
    line = piece.timeline
    length = max(n.end for t in tracks for n in t.notes)
    timeline = Timeline(line.ticks_per_quarter, length, line.metres[:1], (), line.tempos[:1])
    parts = tuple(Part(tuple(sorted(t.notes)), "", 0, t.is_drum) for t in tracks)
    sung = tuple(n for n, t in enumerate(tracks) if t.role == "sung")
    answering = tuple(n for n, t in enumerate(tracks) if t.role == "answer")
    return Turns(replace(piece, parts=parts, timeline=timeline), sung, answering, kind, company)


def shares(turns: Turns, read: Piece, picked: Sequence[Note]) -> tuple[float, float]:
    """Shares of the sung line that are in the picked one, and of the picked one that are in neither line.

    read: the piece as it was read, whose parts are those of `turns` in their order; picked: on its ticks.
    """
    sung, answering = (
        {(n.start, n.pitch) for place in places for n in top_line(read.parts[place])}
        for places in (turns.sung, turns.answering)
    )
    found = {(n.start, n.pitch) for n in picked}
    return len(found & sung) / len(sung), len(found - sung - answering) / max(len(found), 1)


def judged(name: str, turns: Turns) -> dict:
    """Whether `auto` finds the tune of a song that is written to MIDI and read again, and how sure it is.

    It picks on the ticks of the file, where the notes can be compared.
    """
    read = read_midi(piece_bytes(turns.piece))
    (choice,) = pick_melodies(read, BuildOptions(timing="exact"))
    found, foreign = shares(turns, read, choice.melody.notes)
    return {
        "name": name,
        "kind": turns.kind,
        "company": turns.company,
        "auto": found >= WANTED and foreign <= FOREIGN,
        "joined": bool(choice.joined),
        "confidence": choice.confidence,
    }


def made(songs: Path, count: int) -> Iterator[tuple[str, Turns]]:
    """So many songs in turns, of pieces that neither weights nor confidence were fitted to."""
    pieces = [(path.name, scan_content(content, str(path))[0][0]) for path, content in song_files(songs)]
    pieces = [(name, piece) for name, piece in pieces if is_singable(piece)]
    order = Random(ORDER).sample(range(len(pieces)), len(pieces))
    for number in range(count):
        name, piece = pieces[order[number % len(order)]]
        other = pieces[order[(number + 1) % len(order)]][1]
        yield name, taking_turns(piece, other, FIRST_SEED + number)


def by_group(results: Sequence[dict]) -> list[dict]:
    """How often the tune is found, in all, by kind and by company, and how often two parts were joined for it."""
    groups = {"all": results}
    for field in ("kind", "company"):
        groups |= {name: [r for r in results if r[field] == name] for name in sorted({r[field] for r in results})}
    return [
        {
            "files": name,
            "count": len(rows),
            "right": sum(r["auto"] for r in rows) / len(rows),
            "joined": sum(r["joined"] for r in rows) / len(rows),
        }
        for name, rows in groups.items()
    ]


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, default=SONGS, help="the art songs (.mscx): their folder or archive")
    parser.add_argument("--files", type=int, default=150, help="songs in turns to judge")
    parser.add_argument("--arrangements", type=int, default=600, help="of `picking`, for the curve of both; 0: none")
    wanted = parser.parse_args()
    results = [judged(name, turns) for name, turns in made(wanted.songs, wanted.files)]
    tell(by_group(results), wanted.json)
    both = results + (judge(wanted.songs, wanted.arrangements) if wanted.arrangements else [])
    rows = [
        {"confidence": f"{low:g} to {min(high, 1):g}", "files": count, "right": right}
        for low, high, right, count in curve(both)
    ]
    tell(rows, wanted.json)


if __name__ == "__main__":
    main()

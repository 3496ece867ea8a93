"""Make the twelve MIDI files that come with the package, from checkouts of the embedded corpus's two public sources.

    python scripts/make_samples.py HYMNS_DIR LIEDER_DIR -o src/ritornello/data/samples

HYMNS_DIR and LIEDER_DIR: as for make_corpus.py. Eight hymns and one song are arranged to look like the files that
people have; three more files are broken as such files are. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

from make_corpus import HYMNS, SONGS
from ritornello.atomic import write_files
from ritornello.corpus.samples import SAMPLES
from ritornello.music.abc.reader import read_abc
from ritornello.music.errors import decode_text
from ritornello.music.musescore.reader import scan_musescore
from ritornello.music.values import Note, Piece

TICKS = 480
KEYS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")  # from seven flats up
DRUMS, RIDE, KICK, SNARE, HAT = 9, 51, 36, 38, 42
PIANO, ACCORDION, GUITAR, BASS, STRINGS, VOICE, SAX, LEAD = 0, 21, 25, 33, 48, 53, 65, 80

WORDS = (  # John Newton, 1779; "-" begins a syllable that goes on with a word, "*" is sung on the one before
    "A -maz -ing * grace! how sweet the sound /That saved a * wretch like me! "
    "/I once * was * lost, but now * am * found, /Was blind, but * now I see."
)


@dataclass(frozen=True)
class Voice:
    """What one channel plays: notes at 480 ticks a quarter, a program, and a name or none."""

    notes: Sequence[Note]
    program: int = PIANO
    name: str = ""
    channel: int | None = None


def main() -> None:
    """Make the files and the page about them, and print their sizes."""
    options = _parse_arguments()
    files = {name: make(options) for name, make in MAKERS.items()}
    assert list(files) == list(SAMPLES)
    written = files | {"README.md": readme().encode()}
    write_files(((options.output / name, content) for name, content in written.items()), replace=options.replace)
    for name, content in files.items():
        print(f"{len(content):6} {name}")


def hymn(options: argparse.Namespace, name: str) -> Piece:
    """A hymn by the name of its file, each bar once, at 480 ticks a quarter."""
    path = next(iter(sorted(options.hymns.rglob(f"{name}.abc"))))
    return at_ticks(read_abc(decode_text(path.read_bytes()), path.name, "written")[0])


def at_ticks(piece: Piece) -> Piece:
    """The piece at 480 ticks a quarter."""
    line = piece.timeline

    def scaled(tick: int) -> int:
        return round(tick * TICKS / line.ticks_per_quarter)

    parts = [
        replace(p, notes=tuple(n._replace(start=scaled(n.start), duration=scaled(n.duration)) for n in p.notes))
        for p in piece.parts
    ]
    metres = tuple(m._replace(tick=scaled(m.tick)) for m in line.metres)
    tempos = tuple(t._replace(tick=scaled(t.tick)) for t in line.tempos)
    keys = tuple(k._replace(tick=scaled(k.tick)) for k in line.keys)
    timeline = replace(
        line, ticks_per_quarter=TICKS, length=scaled(line.length), metres=metres, tempos=tempos, keys=keys
    )
    return replace(piece, parts=tuple(parts), timeline=timeline)


def old_100th(options: argparse.Namespace) -> bytes:
    """Four voices on four tracks."""
    piece = hymn(options, "Praise_God_From_Whom_All_Blessings_Flow-Old_100th")
    names = ("Soprano", "Alto", "Tenor", "Bass")
    return file_of(piece, [Voice(p.notes, VOICE, name) for p, name in zip(piece.parts, names, strict=True)])


def das_wandern(options: argparse.Namespace) -> bytes:
    """Piano first, then the voice, the tracks named in German."""
    path = next(iter(sorted(options.lieder.rglob("lc5004731.mscx"))))
    piece = at_ticks(scan_musescore(path.read_bytes(), path.name, "written")[0][0])
    voice, *hands = piece.parts
    played = [Voice(p.notes, PIANO, "Klavier", 0) for p in hands]
    return file_of(piece, [*played, Voice(voice.notes, VOICE, "Singstimme", 1)], SONGS.licence)


def amazing_grace(options: argparse.Namespace) -> bytes:
    """A karaoke file: words as text events on a track of their own, the parts without names."""
    piece = hymn(options, "Amazing_Grace-New_Britain")
    melody, *others = piece.parts
    words = [(0, MetaMessage("track_name", name="Words")), (0, MetaMessage("text", text="@LENGL"))]
    words += [(0, MetaMessage("text", text="@TAmazing Grace"))]
    words += [(tick, MetaMessage("text", text=text)) for tick, text in syllables(melody.notes)]
    strums = sorted(n._replace(velocity=60) for p in others for n in on_beats(p.notes, piece))
    voices = [
        Voice(strums, GUITAR),
        Voice(bass(on_bars(others[-1].notes, piece)), BASS),
        Voice(melody.notes, ACCORDION),
    ]
    return file_of(piece, voices, extra=[words])


def ode_to_joy(options: argparse.Namespace) -> bytes:
    """Both hands on one track, a little early, late, long and short."""
    piece = hymn(options, "Joyful_Joyful_We_Adore_Thee-Ode_To_Joy")
    rng = random.Random(1)
    notes = [n for p in piece.parts[1:] for n in played(p.notes, rng, 58)] + played(piece.parts[0].notes, rng, 84)
    return file_of(piece, [Voice(sorted(notes), PIANO, "Piano")])


def nettleton(options: argparse.Namespace) -> bytes:
    """A jazz waltz in a played swing of about two to one."""
    piece = hymn(options, "Come_Thou_Fount-Nettleton")
    rng = random.Random(2)
    starts = range(piece.timeline.pickup, piece.timeline.length, TICKS)
    ride = [Note(start, 60, RIDE, 70 + 20 * (i % 3 == 1)) for i, start in enumerate(starts)]
    walk = [Note(n.start, TICKS - 40, n.pitch, 76) for n in on_beats(piece.parts[3].notes, piece)]
    voices = [
        Voice(played(swung(bass(walk)), rng, 76), BASS, "Bass"),
        Voice(played(swung(chords(piece.parts[1:3])), rng, 50), PIANO, "Keys"),
        Voice(played(swung(piece.parts[0].notes), rng, 90), SAX, "Alto Sax"),
        Voice(played(ride, rng, 70), 0, "Drums", DRUMS),
    ]
    return file_of(piece, voices)


def ebenezer(options: argparse.Namespace) -> bytes:
    """A tune in triplets over held chords."""
    piece = hymn(options, "O_The_Deep_Deep_Love_Of_Jesus-Ebenezer-Ton_Y_Botel")
    melody, *others = piece.parts
    return file_of(piece, [Voice(melody.notes, SAX, "Melody"), Voice(chords(others), PIANO, "Piano")])


def slane(options: argparse.Namespace) -> bytes:
    """All channels on one track."""
    piece = hymn(options, "Be_Thou_My_Vision-Slane")
    melody, *others = piece.parts
    voices = [Voice(chords(others), GUITAR), Voice(bass(others[-1].notes), BASS), Voice(melody.notes, ACCORDION)]
    return file_of(piece, voices, kind=0)


def first_noel(options: argparse.Namespace) -> bytes:
    """The melody alone."""
    piece = hymn(options, "The_First_Noel-The_First_Noel")
    return file_of(piece, [Voice(piece.parts[0].notes, SAX, "Melody")])


def greensleeves(options: argparse.Namespace) -> bytes:
    """A band: drums, bass, strings above the tune, a broken chord, the tune; no track has a name."""
    piece = hymn(options, "What_Child_Is_This-Greensleeves")
    melody, alto, tenor, low = piece.parts
    above = [n._replace(pitch=n.pitch + 24, velocity=55) for n in on_bars(tenor.notes, piece)]
    broken = [
        Note(n.start + i * TICKS // 2, TICKS // 2, pitch, 60)
        for n, *chord in bars(piece, low, tenor, alto)
        for i, pitch in enumerate([n.pitch, *chord, *chord[::-1], n.pitch][:6])
    ]
    beat = [
        Note(bar + at, 60, drum, 90)
        for bar in bar_starts(piece)
        for at, drum in ((0, KICK), (TICKS, HAT), (2 * TICKS, SNARE))
    ]
    voices = [
        Voice(beat, 0, "", DRUMS),
        Voice(bass(on_bars(low.notes, piece)), BASS),
        Voice(above, STRINGS),
        Voice(broken, GUITAR),
        Voice(melody.notes, LEAD),
    ]
    return file_of(piece, voices)


def drums_only(options: argparse.Namespace) -> bytes:
    """Eight bars of a drum pattern."""
    pattern = ((0, KICK), (0, HAT), (240, HAT), (480, SNARE), (480, HAT), (720, HAT), (960, KICK), (960, HAT))
    pattern += ((1200, KICK), (1200, HAT), (1440, SNARE), (1440, HAT), (1680, HAT))
    notes = [Note(bar * 1920 + at, 60, drum, 90) for bar in range(8) for at, drum in pattern]
    return file_of(Piece(()), [Voice(notes, 0, "Drums", DRUMS)])


def half_a_download(options: argparse.Namespace) -> bytes:
    """Four parts of a hymn, of which half the bytes arrived."""
    piece = hymn(options, "Joy_To_The_World-Antioch")
    content = file_of(piece, [Voice(p.notes, PIANO, "Piano") for p in piece.parts])
    return content[: len(content) // 2]


def forgotten_notes(options: argparse.Namespace) -> bytes:
    """What is left of a hymn where the notes were not exported."""
    piece = hymn(options, "Abide_With_Me-Eventide")
    return file_of(piece, [Voice((), PIANO, "Piano")])


MAKERS: dict[str, Callable[[argparse.Namespace], bytes]] = {
    "old-100th.mid": old_100th,
    "das-wandern.mid": das_wandern,
    "amazing-grace.kar": amazing_grace,
    "ode-to-joy-played.mid": ode_to_joy,
    "nettleton-swing.mid": nettleton,
    "ebenezer-triplets.mid": ebenezer,
    "slane-type-0.mid": slane,
    "first-noel-melody.mid": first_noel,
    "greensleeves-band.mid": greensleeves,
    "drums-only.mid": drums_only,
    "half-a-download.mid": half_a_download,
    "forgotten-notes.mid": forgotten_notes,
}


def chords(parts: Iterable) -> list[Note]:
    """The notes of several voices together, softer."""
    return sorted(n._replace(velocity=60) for part in parts for n in part.notes)


def bass(notes: Iterable[Note]) -> list[Note]:
    """Notes an octave lower, where a bass guitar has them."""
    return [n._replace(pitch=n.pitch - 12 if n.pitch >= 40 else n.pitch, velocity=75) for n in notes]


def bar_starts(piece: Piece) -> Iterator[int]:
    """The ticks at which full bars start."""
    yield from range(
        piece.timeline.pickup, piece.timeline.length - 1, int(piece.timeline.bar_ticks(piece.timeline.metre))
    )


def sounding(notes: Sequence[Note], tick: int) -> Note | None:
    """The note that sounds at a tick."""
    return next((n for n in notes if n.start <= tick < n.end), None)


def on_bars(notes: Sequence[Note], piece: Piece) -> list[Note]:
    """What sounds as each bar starts, held through the bar."""
    length = int(piece.timeline.bar_ticks(piece.timeline.metre))
    found = ((start, sounding(notes, start)) for start in bar_starts(piece))
    return [Note(start, length - 20, n.pitch, n.velocity) for start, n in found if n]


def on_beats(notes: Sequence[Note], piece: Piece) -> list[Note]:
    """What sounds on each beat."""
    found = ((start, sounding(notes, start)) for start in range(0, piece.timeline.length, TICKS))
    return [Note(start, TICKS, n.pitch, n.velocity) for start, n in found if n]


def bars(piece: Piece, low, *others) -> Iterator[tuple]:
    """For each bar the note of the lowest voice, and the pitches of the others with it."""
    for start in bar_starts(piece):
        note = sounding(low.notes, start)
        pitches = [n.pitch for part in others if (n := sounding(part.notes, start))]
        if note:
            yield note._replace(start=start), *pitches


def swung(notes: Iterable[Note]) -> list[Note]:
    """Off-beat eighths moved to the last third of their beat."""

    def moved(tick: int) -> int:
        return tick + TICKS // 6 if tick % TICKS == TICKS // 2 else tick

    return [n._replace(start=moved(n.start), duration=moved(n.end) - moved(n.start)) for n in notes]


def played(notes: Iterable[Note], rng: random.Random, velocity: int) -> list[Note]:
    """Notes as hands play them: some 10 ms early or late, not quite legato, not all as loud."""
    return sorted(
        n._replace(
            start=max(0, n.start + round(rng.gauss(6, 9))),
            duration=max(40, round(n.duration * rng.uniform(0.85, 0.98))),
            velocity=min(127, max(20, round(rng.gauss(velocity, 6)))),
        )
        for n in notes
    )


def syllables(notes: Sequence[Note]) -> Iterator[tuple[int, str]]:
    """The words of WORDS on the onsets of a melody, as karaoke files write them."""
    for note, word in zip(notes, WORDS.split(), strict=True):
        if word != "*":
            yield note.start, word[1:] if word.startswith("-") else word if word.startswith("/") else f" {word}"


def file_of(
    piece: Piece,
    voices: Sequence[Voice],
    licence: str = HYMNS.licence,
    kind: int = 1,
    extra: Sequence[list[tuple[int, MetaMessage]]] = (),
) -> bytes:
    """A MIDI file: a track for the conductor, those of `extra`, and one for each voice; all in one for kind 0."""
    channels = iter(c for c in range(16) if c != DRUMS)
    tracks = [conductor(piece, licence), *extra]
    tracks += [voice_events(v, next(channels) if v.channel is None else v.channel) for v in voices]
    if kind == 0:
        tracks = [[event for track in tracks for event in track]]
    file = MidiFile(type=kind, ticks_per_beat=TICKS)
    file.tracks.extend(_track(events, piece.timeline.length) for events in tracks)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def conductor(piece: Piece, licence: str) -> list[tuple[int, MetaMessage]]:
    """Title, licence, tempo, metres and key."""
    line = piece.timeline
    events = [(0, MetaMessage("track_name", name=piece.title))] if piece.title else []
    events.append((0, MetaMessage("copyright", text=licence)))
    events.append((0, MetaMessage("set_tempo", tempo=bpm2tempo(line.qpm))))
    if line.pickup and line.pickup % TICKS == 0:
        events.append((0, MetaMessage("time_signature", numerator=line.pickup // TICKS, denominator=4)))
    metres = line.metres[1:] if line.pickup and line.pickup % TICKS == 0 else line.metres
    events += [
        (m.tick, MetaMessage("time_signature", numerator=m.numerator, denominator=m.denominator)) for m in metres
    ]
    return events + [(k.tick, MetaMessage("key_signature", key=KEYS[k.fifths + 7])) for k in line.keys]


def voice_events(voice: Voice, channel: int) -> list[tuple[int, Message | MetaMessage]]:
    """The events of one voice."""
    events: list = [(0, MetaMessage("track_name", name=voice.name))] if voice.name else []
    events.append((0, Message("program_change", channel=channel, program=voice.program)))
    for note in voice.notes:
        events.append((note.start, Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)))
        events.append((note.end, Message("note_on", channel=channel, note=note.pitch, velocity=0)))
    return events


def _track(events: Sequence[tuple[int, Message | MetaMessage]], length: int) -> MidiTrack:
    """Events with the time since the one before; notes end before others start."""
    track, now = MidiTrack(), 0
    for tick, message in sorted(events, key=lambda e: (e[0], getattr(e[1], "velocity", 0) > 0)):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=max(0, length - now)))
    return track


def readme() -> str:
    """README.md: the files, what each is for, where they come from."""
    rows = "\n".join(f"| {name} | {line} |" for name, line in SAMPLES.items())
    return f"""# Twelve MIDI files to try

`ritornello corpus samples DIR` writes them to a folder; `ritornello corpus build DIR -o CORPUS` then keeps nine and
says of three what is wrong. Made by `scripts/make_samples.py` from the collections below, and from nothing else.

| file | what it is |
| --- | --- |
{rows}

| made from | source | commit | licence |
| --- | --- | --- | --- |
| hymns (all but the two below) | {HYMNS.repository} | {HYMNS.commit} | each score says "copyright: public domain" |
| das-wandern.mid: Franz Schubert, D. 795, 1 | {SONGS.repository} | {SONGS.commit} | CC0 1.0 (LICENCE-SONGS.txt) |
| drums-only.mid | the script | | public domain |

LICENCE-SONGS.txt lies beside the embedded corpus. The arrangements are in the public domain as well (CC0 1.0).
"""


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hymns", type=Path, help="folder of the hymns' .abc files")
    parser.add_argument("lieder", type=Path, help="checkout of OpenScore/Lieder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the samples")
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Is a tune written as a copyist would write it, and do other programs read in it what was meant?

Hymns, folk songs in kern and songs get the key signature and the spelling of their sources from pitches and times
alone; they, composed tunes, tunes drawn in every metre, chords, forms and several staves are written as MusicXML and
read by three other programs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.engraving.material import (
    GROUPS,
    Named,
    chord_tunes,
    composed_tunes,
    drawn_tunes,
    form_tunes,
    named_tunes,
    voice_pieces,
)
from benchmarks.engraving.reading import (
    READERS,
    Reading,
    read_by_musescore,
    read_by_music21,
    read_by_verovio,
)
from benchmarks.report import DATA, arguments, hardware, tell, write_between_marks

from ritornello.music.notation import Bar, notate
from ritornello.music.scores.writer import write_musicxml
from ritornello.music.spelling import LINE_OF_FIFTHS, Spelled
from ritornello.music.values import Melody, Piece, all_notes
from ritornello.render.save import piece_bytes

MARKS = ("<!-- engraving: made by python -m benchmarks.engraving --readme -->", "<!-- /engraving -->")


def main() -> None:
    """Write, read back, compare and print; write the table where asked."""
    parser = arguments(__doc__)
    parser.add_argument("--tunes", type=int, default=100, help="of each group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", nargs="*", choices=READERS, default=list(READERS))
    parser.add_argument("--readme", action="store_true", help="write the table into the README, between marks")
    options = parser.parse_args()
    if not DATA.is_dir():
        parser.error(f"the tunes are files in {DATA}, which is not there")
    named = named_tunes(options.tunes, options.seed)
    further = [*composed_tunes(options.tunes // 2, options.seed), *drawn_tunes(options.tunes // 2, options.seed)]
    rows = [spelling_row(group, [t for t in named if t.group == group]) for group in GROUPS]
    quarter = max(options.tunes // 4, 2)
    further += [*chord_tunes(quarter, options.seed), *form_tunes(quarter, options.seed)]
    melodies: list[tuple[str, Melody | Piece]] = [(t.group, t.melody) for t in named]
    melodies += [*further, *voice_pieces(quarter, options.seed)]
    back = reading_rows(melodies, options.readers)
    if options.json:
        tell(rows + back, True, tunes=len(melodies))
        return
    text = f"{_table(rows)}\n\n{_table(back)}"
    where = ", ".join(f"{name} {value}" for name, value in hardware().items())
    print(f"{where}\n\n{text}")
    if options.readme:
        write_between_marks(
            Path(__file__).with_name("README.md"), f"{where}. {len(melodies)} tunes.\n\n{text}", MARKS
        )


def spelling_row(group: str, tunes: Sequence[Named]) -> dict[str, Any]:
    """Compare signature and spelling, given pitches and times alone; where the keys are stated, the signatures."""
    equal = notes = signatures = stated = places = 0
    for tune in tunes:
        fifths, found = written(replace(tune.melody, timeline=replace(tune.melody.timeline, keys=())))
        signatures += (fifths - main_fifths(tune.melody)) % 12 == 0
        equal += max(sum(a + shift == b for a, b in zip(found, tune.places, strict=True)) for shift in (-12, 0, 12))
        notes += len(found)
        own = _signatures(tune.melody)
        stated += own == _written_signatures(write_musicxml(tune.melody))
        places += max(
            sum(a + shift == b for a, b in zip(written(tune.melody)[1], tune.places, strict=True))
            for shift in (-12, 0, 12)
        )
    return {
        "given pitches and times": group,
        "tunes": len(tunes),
        "key signature": _percent(signatures, len(tunes)),
        "spelling": _percent(equal, notes),
        "stated keys kept": _percent(stated, len(tunes)),
        "spelling in stated keys": _percent(places, notes),
    }


def written(melody: Melody) -> tuple[int, list[int]]:
    """Notate a melody: the signature at its beginning and the place of each note on the line of fifths."""
    bars = notate(melody)
    names: dict[int, Spelled] = {e.note: e.pitch for b in bars for e in b.elements if e.note is not None and e.pitch}
    key = next(iter(bars[0].keys.values()), None)
    places = [LINE_OF_FIFTHS.index(names[i].letter) - 1 + 7 * names[i].alter for i in range(len(melody.notes))]
    return key.fifths if key else 0, places


def main_fifths(melody: Melody) -> int:
    """Find the signature under which most of a melody sounds."""
    times: Counter[int] = Counter()
    for note in melody.notes:
        key = melody.timeline.key_at(note.start)
        times[key.fifths if key else 0] += note.duration
    return times.most_common(1)[0][0]


def _signatures(melody: Melody) -> list[int]:
    """List the signatures of a melody, without repetitions and without those that nothing follows."""
    end = bars_end(notate(melody)) * melody.timeline.ticks_per_quarter
    return _changes([key.fifths for key in melody.timeline.keys if key.tick < end])


def _written_signatures(text: str) -> list[int]:
    return _changes([int(e.text or 0) for e in ElementTree.fromstring(text).iter("fifths")])


def _changes(values: Sequence[int]) -> list[int]:
    return [value for i, value in enumerate(values) if i == 0 or values[i - 1] != value]


def bars_end(bars: Sequence[Bar]) -> Fraction:
    """Find where the last bar ends, in quarters."""
    return bars[-1].start + bars[-1].duration


def reading_rows(melodies: Sequence[tuple[str, Melody | Piece]], readers: Sequence[str]) -> list[dict[str, Any]]:
    """Count by group the tunes that each reader finds as they are, and those whose bars all add up.

    Of tunes with chords each symbol has to be found too, by those that are asked for it.
    """
    texts = [_as_musicxml(music) for _, music in melodies]
    results: dict[str, list[Reading]] = {}
    for name, read in (("verovio", read_by_verovio), ("music21", read_by_music21)):
        if name in readers:
            results[name] = [_tried(read, text) for text in texts]
    if "MuseScore" in readers and shutil.which("mscore3"):
        with tempfile.TemporaryDirectory() as folder:
            results["MuseScore"] = read_by_musescore(texts, Path(folder))
    wanted = [_reading(music) for _, music in melodies]
    rows = []
    for group in dict.fromkeys(group for group, _ in melodies):
        mine = [i for i, (other, _) in enumerate(melodies) if other == group]
        row: dict[str, Any] = {"read back": group, "tunes": len(mine)}
        row["bars add up"] = _percent(sum(_adds_up(texts[i]) for i in mine), len(mine))
        for name, found in results.items():
            wrong = [i for i in mine if not _alike(found[i], wanted[i])]
            row[name] = _percent(len(mine) - len(wrong), len(mine))
            for i in wrong:
                print(f"{name} reads otherwise: {group} {melodies[i][1].title!r} (tune {i})", file=sys.stderr)
        rows.append(row)
    return rows


def _as_musicxml(music: Melody | Piece) -> str:
    return write_musicxml(music) if isinstance(music, Melody) else piece_bytes(music, "piece.musicxml").decode()


def _tried(read: Callable[[str], Reading], text: str) -> Reading:
    try:
        return read(text)
    except Exception as error:  # of any kind, by another program
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return Reading([])


def _reading(music: Melody | Piece) -> Reading:
    """List what has to be read of music."""
    per_quarter = music.timeline.ticks_per_quarter
    symbols = [
        (tick / per_quarter, *((None, None) if chord.quality == "none" else (chord.root, chord.bass)))
        for tick, chord in music.chords
    ]
    notes = [(n.start / per_quarter, n.duration / per_quarter, n.pitch) for n in all_notes(music)]
    return Reading(notes, symbols)


def _alike(found: Reading, wanted: Reading) -> bool:
    """Compare notes and chords; tuplets are rounded to 480 ticks in MuseScore."""
    if len(found.notes) != len(wanted.notes) or not (found.chords is None or _same_chords(found, wanted)):
        return False
    mine, meant = (sorted(r.notes, key=lambda n: (round(n[0] * 24), n[2], n[1])) for r in (found, wanted))
    return all(
        a[2] == b[2] and abs(a[0] - b[0]) < 0.02 and abs(a[1] - b[1]) < 0.02 for a, b in zip(mine, meant, strict=True)
    )


def _same_chords(found: Reading, wanted: Reading) -> bool:
    """Tell whether the chord symbols of two readings have the same places, roots and basses."""
    mine, meant = ([(round(s[0] * 24), *s[1:]) for s in reading.chords or ()] for reading in (found, wanted))
    return mine == meant


def _adds_up(text: str) -> bool:
    """Tell whether every bar is as long as its metre says, a first and a last that complement each other apart."""
    divisions, bar, lengths = 1, Fraction(4), []
    for measure in ElementTree.fromstring(text).iterfind("part/measure"):  # each part states its own metre
        divisions = int(measure.findtext("attributes/divisions") or divisions)
        beats = measure.findtext("attributes/time/beats")
        if beats:
            bar = Fraction(
                4 * sum(map(int, beats.split("+"))), int(measure.findtext("attributes/time/beat-type") or 4)
            )
        total = sum(Fraction(note.findtext("duration") or 0) for note in measure.iter("note")) / divisions
        lengths.append((total, bar, measure.get("implicit") == "yes"))
    return all(total == bar or (is_short and total < bar) for total, bar, is_short in lengths)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else ""


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(map(str, row.values())) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()

"""Make the corpus that is embedded in the package, from checkouts of its two public sources.

    python scripts/make_corpus.py HYMNS_DIR LIEDER_DIR -o src/ritornello/data/corpus

HYMNS_DIR: the folder of .abc files of mzealey/openhymnal. LIEDER_DIR: a checkout of OpenScore/Lieder, or the
part of it that holds composers.tsv, scores.tsv and the .mscx files. Of both, what is free to ship is taken:
hymns whose score says "copyright: public domain", songs (CC0) whose composer had died by the end of 1925.

The tune of a hymn is the top line of its first voice, that of a song
the top line of the first part with words (a keyboard does not count). Their chords are found in the voices of a hymn
and in the piano part of a song (see `corpus.harmony`).
Every repeat is read once. Rests of two bars or more are cut out, segments of fewer than eight notes with them.
Of each family of the same tune the first is kept. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ritornello.atomic import write_files
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison, fingerprint, with_families
from ritornello.corpus.families.shared_runs import line_of
from ritornello.corpus.families.split import SplitRule, with_splits
from ritornello.corpus.harmony import find_chords
from ritornello.corpus.packed import load_packed, pack
from ritornello.corpus.pick.bars import LEAST_NOTES, REST_BARS, cut_at_rests
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.music.abc.reader import read_abc
from ritornello.music.errors import decode_text
from ritornello.music.lines import top_line
from ritornello.music.musescore.reader import scan_musescore
from ritornello.music.values import Melody, Part, Piece

LAST_DEATH = 1925
KEYBOARDS = ("piano", "klavier", "clavier", "clavicembalo", "harpsichord", "organ", "orgel", "orgue", "harmonium")


@dataclass(frozen=True)
class Source:
    """One of the two public collections."""

    collection: str
    repository: str
    commit: str
    licence: str


HYMNS = Source(
    "hymns", "https://github.com/mzealey/openhymnal", "d35811b2d5c9b0bbc5887d60a2936454815416e8", "public domain"
)
SONGS = Source("songs", "https://github.com/OpenScore/Lieder", "bca12245", "CC0-1.0")


@dataclass(frozen=True)
class Tune:
    """A piece of the corpus to be, its segments, and what became of its notes."""

    piece: CorpusPiece
    segments: Sequence[Melody]
    notes: int
    losses: Counter[str]


def main() -> None:
    """Read both sources, build the corpus, write it with its provenance and print what it holds."""
    options = _parse_arguments()
    tunes = [*read_hymns(options.hymns), *read_songs(options.lieder)]
    whole = with_families(corpus_of((t.piece, t.segments) for t in tunes))
    corpus, copies = first_of_variants(whole)
    corpus = with_splits(corpus, SplitRule())
    files = pack(corpus)
    files["PROVENANCE.md"] = provenance(corpus, tunes, copies).encode()
    files["LICENCE-SONGS.txt"] = licence_of_songs(options.lieder).encode()
    write_files(((options.output / name, content) for name, content in files.items()), replace=options.replace)
    if load_packed(options.output).fingerprint != corpus.fingerprint:
        raise SystemExit("the packed corpus does not come back as it was")
    print("\n".join(summary(corpus, tunes, copies)))


def first_of_variants(corpus: Corpus) -> tuple[Corpus, list[tuple[CorpusPiece, CorpusPiece]]]:
    """Leave out every piece that varies one before it; return each of them with that one.

    A reader's own corpus keeps more (see `without_duplicates`); published figures hold for this one.
    """
    comparison = Comparison(lambda i: line_of(corpus, i))
    prints = [fingerprint(corpus, i) for i in range(len(corpus))]
    kept: dict[str, list[int]] = {}
    left_out: list[tuple[CorpusPiece, CorpusPiece]] = []
    for index, piece in enumerate(corpus.pieces):
        others = kept.setdefault(piece.family, [])
        same = (i for i in others if prints[index] == prints[i] or comparison.are_variants(index, i))
        first = next(same, None)
        if first is None:
            others.append(index)
        else:
            left_out.append((piece, corpus.pieces[first]))
    staying = sorted(index for indices in kept.values() for index in indices)
    return corpus.selected(corpus.pieces[i] for i in staying), left_out


def read_hymns(folder: Path) -> Iterator[Tune]:
    """The soprano of every hymn that is in the public domain, by file name."""
    by_name = {path.name: path for path in reversed(files_of(folder, ".abc"))}
    for _, path in sorted(by_name.items()):
        text = decode_text(path.read_bytes())
        if not re.search(r"^C:.*copyright: public domain", text, re.MULTILINE | re.IGNORECASE):
            print(f"left out: {path.name} does not say that it is in the public domain", file=sys.stderr)
            continue
        names = re.findall(r"^%OHCOMPOSER\s+(.+?)\s*$", text, re.MULTILINE)
        composer = "; ".join(n.strip() for n in names[0].split(";")) if names else ""
        details = {"composer_died": _last_year(composer)}
        piece = with_mode(read_abc(text, path.name, "written")[0])
        yield _tune(HYMNS, piece, pitched_parts(piece)[0], path.name, piece.title, _plain_names(composer), details)


def read_songs(folder: Path) -> Iterator[Tune]:
    """The vocal line of every song whose composer had died by LAST_DEATH, by path."""
    composers = {row["path"]: row for row in _table(folder, "composers.tsv")}
    titles = {row["path"]: row["name"] for row in _table(folder, "scores.tsv")}
    for path in files_of(folder, ".mscx"):
        song = "/".join(path.parts[-4:-1])
        composer = composers[song.split("/")[0]]
        if not composer["died"].isdigit() or int(composer["died"]) > LAST_DEATH:
            continue
        details = {"composer_born": _number(composer["born"]), "composer_died": int(composer["died"])}
        piece = with_mode(scan_musescore(path.read_bytes(), song, "written")[0][0])
        file = f"scores/{song}/{path.name}"
        yield _tune(SONGS, piece, sung_part(piece), file, titles.get(song) or piece.title, composer["name"], details)


def _tune(source: Source, piece: Piece, part: Part, file: str, title: str, composer: str, details: dict) -> Tune:
    line = top_line(part)
    played = [p for p in piece.parts if p.notes and any(name in p.name.lower() for name in KEYBOARDS)]
    harmony = replace(piece, parts=tuple(played) if played and source is SONGS else piece.parts)
    chords = find_chords(harmony, is_choral=source is HYMNS)
    segments = cut_at_rests(Melody(line, piece.timeline, piece.title, piece.source, chords))
    losses = Counter(notes_below_top=len(part.notes) - len(line), notes_cut_short=len(set(line) - set(part.notes)))
    losses["notes_in_short_segments"] = len(line) - sum(len(s.notes) for s in segments)
    losses["not_the_first_part"] = int(part is not piece.parts[0])
    losses["songs_without_words"] = int(source is SONGS and part.syllables == 0)
    origin = {"collection": source.collection, "repository": source.repository, "commit": source.commit, "file": file}
    name = file.removeprefix("scores/").rsplit(".", 1)[0]
    corpus_piece = CorpusPiece(
        f"{source.collection}/{name}", (), title, composer, source.licence, {**origin, **details}
    )
    return Tune(corpus_piece, segments, len(part.notes), losses)


def pitched_parts(piece: Piece) -> list[Part]:
    """List the parts with notes that are not percussion. Raises CorpusError where there are none."""
    parts = [part for part in piece.parts if part.notes and not part.is_drum]
    if not parts:
        raise CorpusError(f"{piece.source}: no part has pitched notes")
    return parts


def sung_part(piece: Piece) -> Part:
    """Choose the first part with at least half as many words as the fullest, keyboards aside.

    A part with a few syllables (a direction, a cue) does not count, nor does a keyboard beside other parts, for
    some songs hang their words on the piano's staff. Without any words it is the first of these parts.
    Raises CorpusError as `pitched_parts`.
    """
    pitched = pitched_parts(piece)
    singers = [p for p in pitched if not any(name in p.name.lower() for name in KEYBOARDS)] or pitched
    most = max(part.syllables for part in singers)
    return next(part for part in singers if 2 * part.syllables >= most)


def with_mode(piece: Piece) -> Piece:
    """The piece with its mode: these scores name key signatures, not modes, and the readers then say major.

    Where the lowest note that sounds at the very end is the tonic of the signature's minor key, the keys of that
    signature are minor.
    """
    notes = [n for p in piece.parts if not p.is_drum for n in p.notes]
    if not piece.timeline.keys or not notes:
        return piece
    end = max(n.end for n in notes)
    bass = min(n.pitch for n in notes if n.end == end) % 12
    last = piece.timeline.keys[-1]
    if bass != last._replace(mode="minor").tonic:
        return piece
    keys = tuple(k._replace(mode="minor") if k.fifths == last.fifths else k for k in piece.timeline.keys)
    return replace(piece, timeline=replace(piece.timeline, keys=keys))


def grid_losses(corpus: Corpus, steps_per_quarter: int = 4) -> dict[str, tuple[int, int, int]]:
    """For each collection: notes, notes whose onset is off the grid, notes whose onset or end is."""
    table = {}
    for name in (HYMNS.collection, SONGS.collection):
        notes = off_onset = off = 0
        for piece, part in corpus.slices():
            if piece.provenance["collection"] != name:
                continue
            here = corpus.notes[part.first : part.stop]
            onset = here["start"] * steps_per_quarter % part.timeline.ticks_per_quarter != 0
            length = here["duration"] * steps_per_quarter % part.timeline.ticks_per_quarter != 0
            notes, off_onset, off = notes + len(here), off_onset + int(onset.sum()), off + int((onset | length).sum())
        table[name] = (notes, off_onset, off)
    return table


def summary(corpus: Corpus, tunes: Sequence[Tune], copies: Sequence[tuple[CorpusPiece, CorpusPiece]]) -> list[str]:
    """What the corpus holds and what it lost, one line each."""
    lines = []
    for name in (HYMNS.collection, SONGS.collection):
        mine = [t for t in tunes if t.piece.provenance["collection"] == name]
        losses: Counter[str] = sum((t.losses for t in mine), Counter())
        lost = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sorted(losses.items()) if count)
        lines.append(
            f"{name}: {len(mine)} read, {sum(t.notes for t in mine)} notes in the part; lost: {lost or 'none'}"
        )
    lines.append(f"copies left out: {len(copies)}")
    for name, count in corpus.counts().items():
        lines.append(f"{name}: {count['pieces']} pieces, {count['melodies']} melodies, {count['notes']} notes")
    for name, (notes, onsets, either) in grid_losses(corpus).items():
        share = f"{100 * onsets / notes:.2f} % of onsets, {100 * either / notes:.2f} % of onsets or durations"
        lines.append(f"{name}: off the sixteenth grid {share}")
    chords = [chord for _, part in corpus.slices() for _, chord in part.chords]
    lines.append(f"chords: {len(chords)}, of {len({chord[:2] for chord in chords})} roots and qualities")
    lines.append(f"fingerprint: {corpus.fingerprint}")
    return lines


def provenance(corpus: Corpus, tunes: Sequence[Tune], copies: Sequence[tuple[CorpusPiece, CorpusPiece]]) -> str:
    """PROVENANCE.md: sources and licences, how the corpus was made, its figures, and what was left out as a copy."""
    copied = "\n".join(f"- {piece.source}: the same tune as {twin.source}" for piece, twin in copies)
    empty = "\n".join(f"- {t.piece.source}" for t in tunes if not t.segments) or "- none"
    figures = "\n".join(f"- {line}" for line in summary(corpus, tunes, copies))
    return f"""# Where this corpus comes from

Made by `scripts/make_corpus.py` from two public collections, and from nothing else. The folders `hymns-voices` and
`songs-piano` hold the same hymns in voices and piano parts of the same songs, each with its own PROVENANCE.md.

| collection | source | commit | licence |
| --- | --- | --- | --- |
| hymns | {HYMNS.repository} | {HYMNS.commit} | each score says "copyright: public domain"; the others were left out |
| songs | {SONGS.repository} | {SONGS.commit} | CC0 1.0 (LICENCE-SONGS.txt); composers dead by {LAST_DEATH} |

`notes.npz` and `pieces.jsonl.gz` are the corpus, read by `ritornello.corpus.embedded`. Each line of the second
names the piece's file in its source (of a hymn without its folder, which is below Complete/), the commit, the
licence, the composer and, where known, the year of death.

The tune of a hymn is the top line of its first voice, the tune of a song the top line of the first part with
words (keyboards aside). A piece is in minor where its last bass note is the tonic of the minor key, for the
scores state no mode.
`chords.npz` holds chord symbols, found by a rule (`ritornello.corpus.harmony`) in the voices of the hymns and in the
piano parts of the songs; no person wrote them.
Repeats are read once, grace notes left out. Rests of {REST_BARS:g} bars or more are cut out; segments of
fewer than {LEAST_NOTES} notes are left out. Of pieces with the same tune, in whatever key, the first is kept.

## Figures

{figures}

## Left out: the same tune as another

{copied}

## Left out: no segment of {LEAST_NOTES} notes

{empty}
"""


def licence_of_songs(folder: Path) -> str:
    """The licence text in the checkout of the songs. Raises CorpusError where there is none."""
    for path in sorted(folder.rglob("LICENSE*")):
        return path.read_text(encoding="utf-8")
    raise CorpusError(f"{folder}: no LICENSE file")


def files_of(folder: Path, suffix: str) -> list[Path]:
    files = sorted(folder.rglob(f"*{suffix}"), key=lambda p: p.as_posix())
    if not files:
        raise CorpusError(f"{folder}: no {suffix} files; name a checkout of the source")
    return files


def _table(folder: Path, name: str) -> list[dict[str, str]]:
    paths = sorted(folder.rglob(name))
    if not paths:
        raise CorpusError(f"{folder}: no {name}; name a checkout of OpenScore/Lieder")
    with open(paths[0], encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _plain_names(composer: str) -> str:
    """ "Monk, William Henry (1823-1889)" as "William Henry Monk"; "from a Book, Leipzig, 1539" as it stands."""
    names = [re.sub(r"\s*\(.*?\)", "", name).strip() for name in composer.split(";")]
    turned = [n if n.startswith("from ") else " ".join(reversed(n.split(", ", 1))) for n in names]
    return "; ".join(turned)


def _last_year(composer: str) -> int | None:
    """The latest year of death in "Monk, William Henry (1823-1889)", None where none is given."""
    years = [int(y) for y in re.findall(r"-\s*(?:circa |c\. ?)?(\d{4})\)", composer)]
    return max(years, default=None)


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hymns", type=Path, help="folder of the hymns' .abc files")
    parser.add_argument("lieder", type=Path, help="checkout of OpenScore/Lieder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    return parser.parse_args()


if __name__ == "__main__":
    main()

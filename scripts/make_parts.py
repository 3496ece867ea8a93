"""Make the two corpora of several parts that are embedded in the package, beside the melodies.

    python scripts/make_parts.py HYMNS_DIR LIEDER_DIR -o src/ritornello/data/corpus

The sources are those of `make_corpus.py`, which makes the melodies first: a piece has the family and the split of its
melody there, a piece without one there those of the tune that it varies. `hymns-voices` has the hymns in their voices
(see `corpus.pick.parts`), `songs-piano` the piano parts of MOST_SONGS songs, drawn from the collection by a hash of
their names. Every repeat is read once. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path

from make_corpus import HYMNS, KEYBOARDS, SONGS, files_of, with_mode
from ritornello.atomic import write_files
from ritornello.corpus.embedded import embedded
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import with_families
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.packed import pack
from ritornello.corpus.pick.parts import kept_parts
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import Corpus, corpus_of, joined
from ritornello.music.abc.reader import read_abc
from ritornello.music.errors import decode_text
from ritornello.music.lines import top_line
from ritornello.music.musescore.reader import scan_musescore
from ritornello.music.values import Melody, Piece

MOST_SONGS = 240  # all corpora are to take at most 1.2 MB

HOW = {
    "hymns-voices": "Every hymn in its voices, from the highest to the lowest by mean pitch. Two voices on one stem\n"
    "are told apart; of a voice that divides now and then the highest note stays;\n"
    "hymns with other chords are left out.",
    "songs-piano": "The piano parts of songs whose composers had died by 1925, drawn by a hash of their names,\n"
    "without the voice.",
}


def main() -> None:
    """Read both sources, build both corpora, write them and print what they hold."""
    options = _parse_arguments()
    for name, make, source in (("hymns-voices", hymns, options.hymns), ("songs-piano", songs, options.lieder)):
        corpus = make(source)
        packed = pack(corpus) | {"PROVENANCE.md": provenance(name, corpus).encode()}
        files = {options.output / name / file: content for file, content in packed.items()}
        write_files(files.items(), replace=options.replace)
        counts = ", ".join(f"{split} {count['pieces']}" for split, count in corpus.counts().items())
        print(f"{name}: {len(corpus.notes)} notes; pieces: {counts}; fingerprint {corpus.fingerprint}", flush=True)


def provenance(name: str, corpus: Corpus) -> str:
    """PROVENANCE.md of a corpus: its source and licence, how it was made, and its figures."""
    source = HYMNS if name.startswith(HYMNS.collection) else SONGS
    counts = ", ".join(f"{split} {count['pieces']}" for split, count in corpus.counts().items())
    return f"""# Where this corpus comes from

Made by `scripts/make_parts.py` from {source.repository} at
{source.commit}: {source.licence}. Each line of
`pieces.jsonl.gz` names the piece's file there, its licence and its composer.

{HOW[name]}
Repeats are read once. Families and splits are those of the melodies (see the folder above).

- pieces: {counts}
- {len(corpus.notes)} notes
- fingerprint: {corpus.fingerprint}
"""


def hymns(folder: Path) -> Corpus:
    """Make the corpus of hymns in voices, by file name; those without voices are named on standard error."""
    melodies = {piece.source: piece for piece in embedded("hymns").pieces}
    found: list[tuple[CorpusPiece, list[Piece]]] = []
    others: list[tuple[CorpusPiece, list[Melody]]] = []
    for _, path in sorted({path.name: path for path in reversed(files_of(folder, ".abc"))}.items()):
        text = decode_text(path.read_bytes())
        if not re.search(r"^C:.*copyright: public domain", text, re.MULTILINE | re.IGNORECASE):
            continue
        source = f"{HYMNS.collection}/{path.stem}"
        piece = with_mode(read_abc(text, path.name, "written")[0])
        try:
            kept = kept_parts(piece, BuildOptions(keep="voices")).piece
        except CorpusError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if source in melodies:
            entry = melodies[source]
        else:
            origin = {"collection": HYMNS.collection, "repository": HYMNS.repository, "commit": HYMNS.commit}
            entry = CorpusPiece(source, (), piece.title, "", HYMNS.licence, {**origin, "file": path.name})
            others.append((entry, [Melody(top_line(piece.parts[0]), piece.timeline)]))
        found.append((replace(entry, melodies=()), [kept]))
    places = _places(others)
    named = ((replace(piece, **places.get(piece.source, {})), music) for piece, music in found)
    return corpus_of(named, keep="voices")


def _places(others: list[tuple[CorpusPiece, list[Melody]]]) -> dict[str, dict[str, str]]:
    """Find family and split of hymns whose melodies are left out as variants: those of the tune they vary."""
    shipped, added = embedded("hymns"), corpus_of(others)
    pairs = [*((shipped, piece) for piece in shipped.pieces), *((added, piece) for piece in added.pieces)]
    whole = with_families(joined(pairs))
    of_family = {now.family: before for now, before in zip(whole.pieces, shipped.pieces, strict=False)}
    return {
        piece.source: {"family": of_family[piece.family].family, "split": of_family[piece.family].split}
        for piece in whole.pieces[len(shipped.pieces) :]
    }


def songs(folder: Path) -> Corpus:
    """Make the corpus of piano parts, of the first MOST_SONGS by a hash of their names."""
    melodies = {piece.source: piece for piece in embedded("songs").pieces}
    paths = {f"{SONGS.collection}/{song_name(path)}": path for path in files_of(folder, ".mscx")}
    chosen = sorted(melodies.keys() & paths, key=lambda source: hashlib.sha256(source.encode()).digest())
    read = ((source, piano_part(paths[source])) for source in chosen[:MOST_SONGS])
    found = [(melodies[source], piece) for source, piece in read if piece is not None]
    return _in_order(found)


def _in_order(found: list[tuple[CorpusPiece, Piece]]) -> Corpus:
    ordered = sorted(found, key=lambda item: item[0].source)
    return corpus_of(((replace(piece, melodies=()), [music]) for piece, music in ordered), keep="all")


def song_name(path: Path) -> str:
    """Name a song as the melodies' corpus does: composer, collection, song and file."""
    return "/".join([*path.parts[-4:-1], path.stem])


def piano_part(path: Path) -> Piece | None:
    """Take the staves of a keyboard out of a song; None where there are none with notes."""
    piece = with_mode(scan_musescore(path.read_bytes(), "/".join(path.parts[-4:-1]), "written")[0][0])
    parts = tuple(p for p in piece.parts if p.notes and any(name in p.name.lower() for name in KEYBOARDS))
    return kept_parts(replace(piece, parts=parts), BuildOptions(keep="all")).piece if parts else None


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hymns", type=Path, help="folder of the hymns' .abc files")
    parser.add_argument("lieder", type=Path, help="checkout of OpenScore/Lieder")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the embedded corpus")
    parser.add_argument("--replace", action="store_true", help="replace files that hold something else")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""How often the tune is found: `python -m benchmarks.corpus.picking [--pieces N] [--json]`.

Multi-track MIDI files are arranged from hymns and songs (see `multitrack`), written, read again and picked from,
beside a picker of the highest line and one of the first track. Only pieces that the weights were not fitted to are
used: those whose name has a CRC-32 that three divides. `python -m benchmarks.corpus` tells the same among its rows.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path, PurePath

import numpy as np
from benchmarks.corpus.midi_tracks import piece_bytes
from benchmarks.corpus.multitrack import Arrangement, arranged
from benchmarks.report import DATA, arguments, tell

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.music.files import scan_content
from ritornello.music.midi.reader import read_midi
from ritornello.music.values import Piece

BINS = (0.0, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99, 1.01)


SONGS = DATA / "lieder.tar.xz"
"""The art songs in one archive."""


def test_pieces(songs: Path | None) -> Iterator[tuple[str, Piece]]:
    """Hymns, and songs of a folder or an archive, that the weights never saw, with two parts or more."""
    hymns = ((path, path.read_bytes()) for path in sorted((DATA / "hymns").glob("*.abc")) if is_test(path))
    for kind, files in (("hymn", hymns), ("song", song_files(songs) if songs else ())):
        for path, content in files:
            piece = scan_content(content, str(path))[0][0]
            if sum(bool(part.notes) for part in piece.parts) > 1:
                yield kind, piece


def is_test(path: PurePath) -> bool:
    """Whether the weights of the picker were fitted without this piece."""
    return zlib.crc32(path.name.encode()) % 3 == 0


def song_files(songs: Path) -> Iterator[tuple[PurePath, bytes]]:
    """Test songs, in the order of their paths, which is the same in a folder and in an archive."""
    if songs.is_dir():
        yield from ((path, path.read_bytes()) for path in sorted(songs.rglob("*.mscx")) if is_test(path))
        return
    with tarfile.open(songs) as archive:
        wanted = [m for m in archive if m.isfile() and m.name.endswith(".mscx") and is_test(PurePath(m.name))]
        content = {PurePath(m.name): archive.extractfile(m).read() for m in wanted}  # an .xz is read in its order
    yield from sorted(content.items())


def judged(kind: str, seed: int, arrangement: Arrangement) -> dict:
    """Find what each way of picking gives for an arrangement written to MIDI and read again.

    A tune with what fills its rests is right, as where two lines take turns (`turns`).
    """
    piece = read_midi(piece_bytes(arrangement.piece))
    auto = pick_melodies(piece, BuildOptions())[0]
    parts = auto.joined or (auto.part,)
    pitched = [i for i, part in enumerate(piece.parts) if not part.is_drum]
    medians = [np.median([n.pitch for n in piece.parts[i].notes]) for i in pitched]
    highest = pitched[int(np.argmax(medians))]
    tune = arrangement.tune
    return {
        "kind": kind, "made": arrangement.kind, "seed": seed, "named": arrangement.is_named,
        "auto": not tune.isdisjoint(parts) and (tune | arrangement.fills).issuperset(parts),
        "confidence": auto.confidence,
        "highest": highest in tune, "first": pitched[0] in tune,
    }  # fmt: skip


def arrangements(songs: Path | None, count: int) -> Iterator[tuple[int, str, Arrangement]]:
    """Seed, kind of piece, and so many arrangements."""
    pieces = list(test_pieces(songs))
    for seed in range(count):
        kind, piece = pieces[seed % len(pieces)]
        yield seed, kind, arranged(piece, 1_000_000 + seed)


def judge(songs: Path | None, count: int) -> list[dict]:
    """Find what each way of picking gives for so many arrangements."""
    return [judged(kind, seed, arrangement) for seed, kind, arrangement in arrangements(songs, count)]


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, default=SONGS, help="the art songs (.mscx): their folder or archive")
    parser.add_argument("--pieces", type=int, default=600, help="arrangements to judge")
    wanted = parser.parse_args()
    results = judge(wanted.songs, wanted.pieces)
    told = "; ".join(
        f"{low:g} to {min(high, 1):g}: {right:.3f} of {count}" for low, high, right, count in curve(results)
    )
    tell(
        by_group(results),
        wanted.json,
        **{"right by confidence": told, "hard": f"{hard_share(results):.2f} of the files"},
    )


def by_group(results: Sequence[dict]) -> list[dict]:
    """How often each way is right, in all, where nothing is named, and for each kind of file."""
    groups = {"all": results, "unnamed": [r for r in results if not r["named"]]}
    groups |= {"hard: neither highest, first nor named": [r for r in results if _is_hard(r)]}
    groups |= {name: [r for r in results if r["made"] == name] for name in sorted({r["made"] for r in results})}
    groups |= {name: [r for r in results if r["kind"] == name] for name in ("hymn", "song")}
    return [
        {
            "files": name,
            "count": len(rows),
            **{way: _share(r[way] for r in rows) for way in ("auto", "highest", "first")},
        }
        for name, rows in groups.items()
        if rows
    ]


def curve(results: Sequence[dict]) -> list[tuple[float, float, float, int]]:
    """For each range of confidence, from and below: how often `auto` is right, and of how many files."""
    ranges = [(low, high, [r for r in results if low <= r["confidence"] < high]) for low, high in pairwise(BINS)]
    return [(low, high, _share(r["auto"] for r in rows), len(rows)) for low, high, rows in ranges if rows]


def hard_share(results: Sequence[dict]) -> float:
    """In how many files the tune is neither the highest line nor the first track nor named."""
    return _share(_is_hard(r) for r in results)


def _is_hard(result: dict) -> bool:
    return not (result["highest"] or result["first"] or result["named"])


def _share(values) -> float:
    values = list(values)
    return sum(values) / len(values)


if __name__ == "__main__":
    main()

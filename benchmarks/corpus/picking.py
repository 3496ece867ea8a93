"""How often the tune is found: `python -m benchmarks.corpus.picking [--pieces N] [--json]`.

Multi-track MIDI files are arranged from hymns and songs (see `multitrack`), written, read again and picked from,
beside a picker of the highest line and one of the first track. Only pieces that the weights were not fitted to are
used: those whose name has a CRC-32 that three divides.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from benchmarks.corpus.midi_tracks import piece_bytes
from benchmarks.corpus.multitrack import Arrangement, arranged
from benchmarks.report import DATA, arguments, tell

from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick import pick_melodies
from ritornello.music.files import read
from ritornello.music.midi import read_midi
from ritornello.music.values import Piece

BINS = (0.0, 0.4, 0.6, 0.8, 0.95, 0.99, 1.01)


def held_out(songs: Path | None) -> Iterator[tuple[str, Piece]]:
    """Hymns, and songs where their folder is given, that the weights never saw, with two parts or more."""
    paths = [("hymn", path) for path in sorted((DATA / "hymns").glob("*.abc"))]
    paths += [("song", path) for path in sorted(songs.rglob("*.mscx"))] if songs else []
    for kind, path in paths:
        if zlib.crc32(path.name.encode()) % 3 == 0:
            piece = read(path)[0]
            if sum(bool(part.notes) for part in piece.parts) > 1:
                yield kind, piece


def judged(kind: str, seed: int, arrangement: Arrangement) -> dict:
    """What each way of picking gives for an arrangement written to MIDI and read again."""
    piece = read_midi(piece_bytes(arrangement.piece))
    auto = pick_melodies(piece, BuildOptions())[0]
    pitched = [i for i, part in enumerate(piece.parts) if not part.is_drum]
    medians = [np.median([n.pitch for n in piece.parts[i].notes]) for i in pitched]
    highest = pitched[int(np.argmax(medians))]
    tune = arrangement.tune
    return {
        "kind": kind, "made": arrangement.kind, "seed": seed, "named": arrangement.is_named,
        "auto": auto.part in tune, "confidence": auto.confidence,
        "highest": highest in tune, "first": pitched[0] in tune,
    }  # fmt: skip


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, help="the folder with the art songs (.mscx); hymns alone without it")
    parser.add_argument("--pieces", type=int, default=600, help="arrangements to judge")
    wanted = parser.parse_args()
    pieces = list(held_out(wanted.songs))
    results = []
    for seed in range(wanted.pieces):
        kind, piece = pieces[seed % len(pieces)]
        results.append(judged(kind, seed, arranged(piece, 1_000_000 + seed)))
    tell(_rows(results), wanted.json, **_facts(results))


def _rows(results: Sequence[dict]) -> list[dict]:
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


def _facts(results: Sequence[dict]) -> dict:
    curve = []
    for low, high in zip(BINS, BINS[1:]):
        rows = [r for r in results if low <= r["confidence"] < high]
        if rows:
            curve.append(f"{low:.2f}+: {_share(r['auto'] for r in rows):.3f} of {len(rows)}")
    return {
        "right by confidence": "; ".join(curve),
        "hard": f"{_share(_is_hard(r) for r in results):.2f} of the files",
    }


def _is_hard(result: dict) -> bool:
    return not (result["highest"] or result["first"] or result["named"])


def _share(values) -> float:
    values = list(values)
    return sum(values) / len(values)


if __name__ == "__main__":
    main()

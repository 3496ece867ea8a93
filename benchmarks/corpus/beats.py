"""How often are the beats and bars of a performance found? `python -m benchmarks.corpus.beats [--files N] [--json]`.

Hymns (a third) and the piano parts of songs, played by a rule drawn by seed (see `played`), written to MIDI, read
again and settled, beside what the file itself says. Only pieces that the weights were not fitted to are used: those
whose name has a CRC-32 that three divides. How many of their files stay untouched as they are is counted too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from benchmarks.corpus.midi_tracks import piece_bytes
from benchmarks.corpus.played import Truth, in_one_metre, metre_class, played
from benchmarks.report import arguments, tell

from ritornello.corpus.beats.settle import UNSURE, settled
from ritornello.corpus.pick.meant import is_written, on_grid
from ritornello.music.midi.reader import read_midi
from ritornello.music.values import Metre, Piece

NEAR = 0.125  # quarters around its place, in which a note is right
MOST = 0.9  # share of the notes on beats that must be right
BINS = (0.0, 0.4, 0.55, UNSURE, 0.8, 0.9, 0.95, 1.01)


@dataclass(frozen=True, slots=True)
class Judged:
    """How one performance was settled.

    beat: phase and rate are right. bars: length and downbeat too. stated_beat, stated_bars: of the file as it is.
    """

    kind: str
    name: str
    metre: str
    found: str
    share: float
    is_doubted: bool
    beat: bool
    length: bool
    bars: bool
    stated_beat: bool
    stated_bars: bool
    is_swung: bool
    drifts: bool
    seconds: float


def held_out() -> tuple[list[tuple[str, str, Piece]], list[tuple[str, str, Piece]]]:
    """Kind, name and piece of the hymns and of the songs that the weights were not fitted to."""
    found = [(kind, name, piece) for kind, name, piece, _ in in_one_metre(is_held_out=True)]
    return [f for f in found if f[0] == "hymn"], [f for f in found if f[0] == "song"]


def performances(files: int, hymns: list, songs: list) -> Iterator[tuple[str, str, Piece, int]]:
    """So many pieces to play with their seeds, every third a hymn, in an order drawn by seed."""
    rng = np.random.default_rng(2026)
    orders = [rng.permutation(len(group)) for group in (hymns, songs)]
    for number in range(files):
        is_song = number % 3 != 0
        place = number - number // 3 - 1 if is_song else number // 3
        group, order = (songs, orders[1]) if is_song else (hymns, orders[0])
        yield *group[order[place % len(group)]], 1_000_000 + number


def exact(piece: Piece) -> bool:
    """Test whether the notes of all parts lie on their grid."""
    starts = np.array([n.start for part in piece.parts for n in part.notes])
    return is_written(starts, piece.timeline.ticks_per_quarter)


def judged(kind: str, name: str, piece: Piece, seed: int) -> Judged:
    """Play a piece, write and read it, settle it, and compare with the truth."""
    performance, truth = played(piece, seed)
    read = on_grid(replace(read_midi(piece_bytes(performance)), source="played.mid"))
    began = time.process_time()
    result = settled(read, exact(read))
    took = time.process_time() - began
    metre = piece.timeline.metres[-1]
    beat, length, bars = compared(result.piece, truth, metre)
    stated = compared(read, truth, metre)
    share = result.bars.share if result.bars else 1.0
    found = result.piece.timeline.metre.name
    doubted = bool(result.doubt)
    told = stated[0], stated[2]
    return Judged(
        kind, name, metre.name, found, share, doubted, beat, length, bars, *told, truth.is_swung, truth.drifts, took
    )


def compared(piece: Piece, truth: Truth, metre: Metre) -> tuple[bool, bool, bool]:
    """Judge whether beat (phase and rate), bar length, and bar length with downbeat are right."""
    tpq, line = piece.timeline.ticks_per_quarter, piece.timeline
    assert [len(p.notes) for p in piece.parts] == [len(s) for s in truth.starts]
    places = np.concatenate([[n.start - line.pickup for n in p.notes] for p in piece.parts]) / tpq
    written = np.concatenate(truth.starts)
    on_beat = written % 1 == 0 if (written % 1 == 0).sum() > 5 else np.ones(len(written), bool)
    away = (places - written)[on_beat]
    late = float(np.median(away))
    is_steady = (np.abs(away - late) <= NEAR).mean() >= MOST
    found = line.metres[-1]
    has_rate = (beat_class(found) == 1.5) == (beat_class(metre) == 1.5)
    beat = bool(is_steady and has_rate and _off(late, truth.beat) <= NEAR)
    length = metre_class(found) == metre_class(metre)
    bar = min(truth.bar, float(line.bar_ticks(found)) / tpq)
    return beat, length, bool(beat and length and _off(late, bar) <= NEAR)


def beat_class(metre: Metre) -> float:
    """1.5 for eighths by threes, else 1: quarters of the beat."""
    return 1.5 if metre.denominator >= 8 and metre.numerator % 3 == 0 else 1.0


def _off(late: float, period: float) -> float:
    return abs((late + period / 2) % period - period / 2)


def by_group(results: Sequence[Judged]) -> list[dict]:
    """Count how often each is right, in all and for each kind of file."""
    groups: dict[str, Callable[[Judged], bool]] = {
        "all": lambda r: True,
        "reported without doubt": lambda r: not r.is_doubted,
        "reported with doubt": lambda r: r.is_doubted,
        "hymns": lambda r: r.kind == "hymn",
        "hymns without doubt": lambda r: r.kind == "hymn" and not r.is_doubted,
        "songs": lambda r: r.kind == "song",
        "songs without doubt": lambda r: r.kind == "song" and not r.is_doubted,
        "swung": lambda r: r.is_swung,
        "tempo drifts": lambda r: r.drifts,
        "in 4/4, 2/2 or 2/4": lambda r: r.metre in ("4/4", "2/2", "2/4"),
        "in 3/4": lambda r: r.metre == "3/4",
        "in 6/8 or 3/8": lambda r: r.metre in ("6/8", "3/8"),
        "in another metre": lambda r: r.metre not in ("4/4", "2/2", "2/4", "3/4", "6/8", "3/8"),
    }
    rows = []
    for name, belongs in groups.items():
        chosen = [r for r in results if belongs(r)]
        if chosen:
            shares = {
                "beat": [r.beat for r in chosen],
                "bar length": [r.length for r in chosen],
                "bar and downbeat": [r.bars for r in chosen],
                "beat, as stated": [r.stated_beat for r in chosen],
                "bar and downbeat, as stated": [r.stated_bars for r in chosen],
            }
            rows.append({"files": name, "count": len(chosen), **{k: f"{np.mean(v):.1%}" for k, v in shares.items()}})
    return rows


def curve(results: Sequence[Judged]) -> list[dict]:
    """For each range of the share that is reported: how many files, and how often bar and downbeat are right."""
    rows = []
    for low, high in pairwise(BINS):
        chosen = [r for r in results if low <= r.share < high]
        if chosen:
            mean, right = np.mean([r.share for r in chosen]), np.mean([r.bars for r in chosen])
            label = f"{low:g} to {min(high, 1):g}"
            rows.append({"sure": label, "files": len(chosen), "mean": f"{mean:.0%}", "right": f"{right:.0%}"})
    return rows


def untouched(hymns: list, songs: list) -> dict[str, str]:
    """Count the files of pieces as they are that stay as they are, hymns and songs that were not fitted to."""
    counts = {}
    for group in (hymns, songs):
        same = []
        for _, _, piece in group:
            read = on_grid(replace(read_midi(piece_bytes(piece)), source="as it is.mid"))
            same.append(settled(read, exact(read)).piece is read)
        counts[f"{group[0][0]}s untouched"] = f"{np.mean(same):.1%} of {len(same)}"
    return counts


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=450, help="performances to judge")
    wanted = parser.parse_args()
    hymns, songs = held_out()
    results = [judged(*one) for one in performances(wanted.files, hymns, songs)]
    slowest = max(r.seconds for r in results)
    mean = float(np.mean([r.seconds for r in results]))
    metadata: dict = {"seconds a file": f"{mean:.3f} (at most {slowest:.3f})", **untouched(hymns, songs)}
    if wanted.json:
        metadata["curve"] = curve(results)
    tell(by_group(results), wanted.json, **metadata)
    if not wanted.json:
        print()
        tell(curve(results), as_json=False)


if __name__ == "__main__":
    main()

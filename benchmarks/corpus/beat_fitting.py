"""Fit the profiles of bars to performances: `python -m benchmarks.corpus.beat_fitting` (about three minutes).

Hymns and the piano parts of songs whose name has a CRC-32 that three does not divide, played by the rule of `played`:
each as it is, with all its parts, cut to half its length, and a hymn with two of its voices; hymns count for a third.
Conditional logit (McFadden 1974), by gradient descent with momentum per weight (Adam, Kingma and Ba 2015); a metre's
profile is the sum of its beat's, shared with other metres, and of its own, both held small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from benchmarks.corpus.played import Truth, in_one_metre, metre_class, played
from benchmarks.report import ROOT

from ritornello.corpus.beats import settle
from ritornello.corpus.beats.evidence import CELLS, channels, folded, likeness
from ritornello.corpus.beats.metre import METRES, strength
from ritornello.music.values import Part, Piece, Timeline

OUT = ROOT / "src" / "ritornello" / "data" / "beats" / "bars.npz"
SHRINK_BEAT, SHRINK_BAR, SHRINK_SCALAR = 1e-4, 5e-4, 1e-3
STEPS, RATE = 200, 0.05
HYMNS = 1 / 3  # of the weight of all


@dataclass(slots=True)
class Example:
    """One performance: folded channels by metre, likeness, and which barlines are true, (cells,) by metre."""

    is_hymn: bool
    chords: int
    alike: np.ndarray
    folds: dict[str, np.ndarray] = field(default_factory=dict)
    right: dict[str, np.ndarray] = field(default_factory=dict)


def variants(kind: str, piece: Piece, whole: Piece, seed: int) -> Iterator[Piece]:
    """List what is fitted to: a piece with all its parts, half of it, and two voices of a hymn."""
    rng = np.random.default_rng(seed)
    yield piece
    yield whole
    yield _half(piece, rng)
    if kind == "hymn":
        yield _half(piece, rng)
        chosen = sorted(rng.choice(len(piece.parts), min(2, len(piece.parts)), replace=False))
        yield replace(piece, parts=tuple(piece.parts[i] for i in chosen))


def _half(piece: Piece, rng: np.random.Generator) -> Piece:
    """Half of a piece, from anywhere."""
    line = piece.timeline
    metre, bar = line.metres[-1], int(line.bar_ticks(line.metres[-1]))
    start = int(rng.uniform(0, 0.45) * line.length)
    end = start + int(0.55 * line.length)
    cut = [[n._replace(start=n.start - start) for n in p.notes if start <= n.start < end] for p in piece.parts]
    pickup = (line.pickup - start) % bar
    metres = (metre._replace(tick=0), metre._replace(tick=pickup)) if pickup else (metre._replace(tick=0),)
    timeline = Timeline(line.ticks_per_quarter, end - start, metres, (), line.tempos[:1])
    return replace(piece, parts=tuple(Part(tuple(notes)) for notes in cut if notes), timeline=timeline)


def example(piece: Piece, seed: int, is_hymn: bool) -> Example | None:
    """Play a piece and measure it; None where it is too short or its metre none of METRES."""
    if sum(len(p.notes) for p in piece.parts) < 30:
        return None
    performance, truth = played(piece, seed)
    line = piece.timeline
    name = metre_class(line.metres[-1])
    notes, chord, accents = settle.joined(performance)
    if name not in METRES or len(chord.starts) < settle.FEWEST_CHORDS:
        return None
    late = settle.lateness(notes, chord, accents)
    origin, flat, level, _ = settle.steady(notes, chord, late, accents)
    values = channels(flat, level)
    found = Example(is_hymn, len(level.starts), likeness(flat))
    first = _first_barline(performance, truth, late) - origin
    for metre, (cells, _) in METRES.items():
        found.folds[metre] = (folded(values, level.starts, cells) * cells - 1).astype(np.float32)
        found.right[metre] = np.zeros(cells, bool)
        if metre == name:
            places = np.arange(first * CELLS, first * CELLS + cells - 0.5, min(truth.bar * CELLS, cells))
            found.right[metre][np.rint(places).astype(int) % cells] = True
    return found


def _first_barline(performance: Piece, truth: Truth, late: np.ndarray) -> float:
    """Find where the first barline lies once the drift is taken out, by the notes on beats."""
    played_at = np.concatenate([[n.start for n in p.notes] for p in performance.parts]) / 480
    written = np.concatenate(truth.starts)
    on_beat = written % 1 == 0
    chosen = on_beat if on_beat.sum() > 5 else np.ones(len(written), bool)
    return float(np.median((settle.without(played_at, late) - written)[chosen]))


def examples() -> list[Example]:
    """Performances of all pieces that are for fitting."""
    found = []
    for number, (kind, _, piece, whole) in enumerate(in_one_metre(is_held_out=False)):
        for variant, made in enumerate(variants(kind, piece, whole, number)):
            if made.parts and (one := example(made, 10 * number + variant, kind == "hymn")):
                found.append(one)
    return found


def fit(found: list[Example]) -> dict[str, np.ndarray]:
    """Fit profiles and scalars of all metres."""
    folds = {m: np.fft.rfft(np.stack([e.folds[m] for e in found])) for m in METRES}
    right = np.concatenate([np.stack([e.right[m] for e in found]) for m in METRES], 1)
    alike = np.hstack([np.stack([e.alike for e in found]), np.ones((len(found), 1))])
    size = np.array([strength(e.chords) for e in found])[:, None]
    size, alike = size.astype(np.float32), alike.astype(np.float32)
    hymn = np.array([e.is_hymn for e in found])
    share = np.where(hymn, HYMNS / max(hymn.sum(), 1), (1 - HYMNS) / max((~hymn).sum(), 1))[:, None].astype(
        np.float32
    )
    channels_of, scalars_of = folds["4/4"].shape[1], alike.shape[1]
    weights = {f"beat {b}": np.zeros((channels_of, b), np.float32) for _, b in METRES.values()}
    weights |= {f"bar {m}": np.zeros((channels_of, cells), np.float32) for m, (cells, _) in METRES.items()}
    weights |= {f"scalars {m}": np.zeros(scalars_of, np.float32) for m in METRES}
    mean = {k: np.zeros_like(w) for k, w in weights.items()}
    square = {k: np.zeros_like(w) for k, w in weights.items()}

    def profile(metre: str) -> np.ndarray:
        cells, beat = METRES[metre]
        return weights[f"bar {metre}"] + np.tile(weights[f"beat {beat}"], (1, cells // beat))

    for step in range(STEPS):
        points = []
        for metre, (cells, _) in METRES.items():
            spectrum = np.einsum("ncf,cf->nf", folds[metre], np.conj(np.fft.rfft(profile(metre))))
            place = np.fft.irfft(spectrum, cells) * size / cells
            points.append(place + (alike @ weights[f"scalars {metre}"])[:, None] - np.log(cells / 36))
        shares = np.concatenate(points, 1)
        shares = np.exp(shares - shares.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        wanted = shares * right
        wanted /= wanted.sum(1, keepdims=True)
        slope = (shares - wanted) * share
        gradients = {k: SHRINK_BEAT * w for k, w in weights.items() if k.startswith("beat")}
        at = 0
        for metre, (cells, beat) in METRES.items():
            part = slope[:, at : at + cells]
            at += cells
            back = np.einsum("ncf,nf->cf", folds[metre], np.conj(np.fft.rfft(part * size)))
            own = np.fft.irfft(back, cells) / cells
            gradients[f"beat {beat}"] = gradients[f"beat {beat}"] + own.reshape(len(own), -1, beat).sum(1)
            gradients[f"bar {metre}"] = own + SHRINK_BAR * weights[f"bar {metre}"]
            held = SHRINK_SCALAR * np.append(weights[f"scalars {metre}"][:-1], 0)
            gradients[f"scalars {metre}"] = part.sum(1) @ alike + held
        rate = RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        for name, gradient in gradients.items():
            mean[name] = 0.9 * mean[name] + 0.1 * gradient
            square[name] = 0.98 * square[name] + 0.02 * gradient**2
            moment, scale = mean[name] / (1 - 0.9 ** (step + 1)), square[name] / (1 - 0.98 ** (step + 1))
            weights[name] = weights[name] - rate * moment / (np.sqrt(scale) + 1e-8)
        if step % 50 == 49:
            print(step + 1, float(-(share * np.log((shares * right).sum(1, keepdims=True))).sum()))
    return {f"profile {m}": profile(m) for m in METRES} | {f"scalars {m}": weights[f"scalars {m}"] for m in METRES}


def main() -> None:
    found = examples()
    print(f"{len(found)} performances")
    OUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUT, **{name: value.astype(np.float16) for name, value in fit(found).items()})
    print(f"{OUT}: {Path(OUT).stat().st_size} bytes")


if __name__ == "__main__":
    main()

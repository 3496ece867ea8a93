"""Read metres, keys and tempos from the events of a MIDI file, as they are meant; name modes in texts.

Programs write a signature a few ticks beside its barline, state none at the start, and have no word for a bar that
is not full: a pick-up, and each half of a bar that a repeat sign divides, come as bars of metres of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import groupby
from types import MappingProxyType
from typing import Any

from ritornello.music.keys import key_name, parse_key
from ritornello.music.midi.texts import TEXT
from ritornello.music.midi.tracks import events
from ritornello.music.values import Key, Metre, MetreName, Tempo

MICROSECONDS_PER_MINUTE = 60_000_000
NEAR = 16  # an event within a sixteenth of a quarter of a barline belongs to it
NEAR_START = 8  # within an eighth of a quarter of the start, where nothing else is stated, to the start
DEFAULT_METRE, DEFAULT_TEMPO = (4, 4), 500_000  # of the specification; microseconds per quarter
NO_MODES: Mapping[tuple[int, int], str] = MappingProxyType({})


def metres(scores: Sequence[Any], resolution: int, length: int) -> tuple[Metre, ...]:
    """Read the metres of symusic scores that sound together, for a piece of `length` ticks.

    Each stands on a barline; one that restates the metre there is dropped. A short first bar whose metre does not
    come back is a pick-up. Bars of other metres that together fill a bar are that bar.
    """
    found = {
        t.time: Metre(t.time, t.numerator, t.denominator)
        for score in scores
        for t in score.time_signatures
        if t.numerator > 0 and 1 <= t.denominator <= 64 and t.time >= 0
    }
    stated = sorted(found.values())
    if not stated:
        return (Metre(0, *DEFAULT_METRE),)
    first = stated[0]
    if first.tick <= resolution // NEAR_START:
        stated[0] = first._replace(tick=0)
    else:
        bar, slack = _bar(Metre(0, *DEFAULT_METRE), resolution), resolution // NEAR
        is_whole = (first.tick + slack) % bar <= 2 * slack
        stated.insert(0, Metre(0, *DEFAULT_METRE) if is_whole else first._replace(tick=0))
    kept = _changes(_with_whole_bars(_on_barlines(stated, resolution), resolution, length), resolution)
    comes_back = any(metre[1:] == kept[0][1:] for metre in kept[2:])
    if len(kept) > 1 and not comes_back and kept[1].tick <= _bar(kept[0], resolution) < _bar(kept[1], resolution):
        kept[0] = kept[1]._replace(tick=0)  # a short bar of its own metre before the first full one
    return tuple(kept)


def mode_text(key: Key) -> bytes:
    """Name a key whose mode MIDI has no number for, to stand beside its signature; else empty."""
    return b"" if key.mode in ("major", "minor") else f"Key: {key_name(key)}".encode()


def named_modes(tracks: Sequence[bytes]) -> dict[tuple[int, int], str]:
    """Find the modes that `mode_text` wrote into tracks, by tick and fifths."""
    found: dict[tuple[int, int], str] = {}
    for track in tracks:
        for tick, _, kind, data in events(track) if b"Key: " in track else ():
            if kind == TEXT and data.startswith(b"Key: "):
                with suppress(ValueError):
                    key = parse_key(data[5:].decode("utf-8", "replace"))
                    found[tick, key.fifths] = key.mode
    return found


def keys(
    scores: Sequence[Any],
    resolution: int,
    in_metres: Sequence[Metre],
    modes: Mapping[tuple[int, int], str] = NO_MODES,
) -> tuple[Key, ...]:
    """Read the keys of symusic scores that sound together; the first holds from the start.

    modes: of `named_modes`.
    """
    found = (
        Key(k.time, k.key, modes.get((k.time, k.key), "minor" if k.tonality else "major"))
        for score in scores
        for k in score.key_signatures
        if -7 <= k.key <= 7 and k.tonality in (0, 1) and k.time >= 0
    )
    kept: list[Key] = []
    for key in _late_on_barlines(found, resolution, in_metres):
        if not kept:
            kept.append(key._replace(tick=0))  # also before its own tick, where no key is stated
        elif key[1:] != kept[-1][1:]:
            kept.append(key)
    return tuple(kept)


def tempos(scores: Sequence[Any], resolution: int, in_metres: Sequence[Metre]) -> tuple[Tempo, ...]:
    """Read the tempos of symusic scores that sound together."""
    found = (Tempo(t.time, t.mspq) for score in scores for t in score.tempos if t.mspq > 0 and t.time >= 0)
    stated = _late_on_barlines(found, resolution, in_metres)
    if not stated or stated[0].tick > 0:
        stated.insert(0, Tempo(0, DEFAULT_TEMPO))
    kept: list[Tempo] = []
    for tick, mspq in stated:
        tempo = Tempo(tick, _qpm(mspq))
        if not kept or tempo.qpm != kept[-1].qpm:
            kept.append(tempo)
    return tuple(kept)


def _bar(metre: Metre, resolution: int) -> Fraction:
    return Fraction(4 * metre.numerator * resolution, metre.denominator)


def _on_barlines(stated: Sequence[Metre], resolution: int) -> list[Metre]:
    """Move metres a few ticks beside a barline to it; of two on one barline the later holds."""
    moved = [stated[0]]
    for metre in stated[1:]:
        bar, before = _bar(moved[-1], resolution), moved[-1].tick
        line = before + round((metre.tick - before) / bar) * bar
        near = abs(metre.tick - line) <= max(resolution // NEAR, 1) and line.denominator == 1
        metre = metre._replace(tick=int(line)) if near else metre
        if metre.tick == before:
            moved.pop()
        moved.append(metre)
    return moved


def _with_whole_bars(stated: Sequence[Metre], resolution: int, length: int) -> list[Metre]:
    """Join bars of other metres that together are a bar of the main one, as at a repeat sign.

    A short last bar is the rest of the pick-up's bar; a single short bar inside that is as long as the pick-up, or
    as what it leaves of a bar, is a bar of the main metre that is not full.
    """
    ends = [*(m.tick for m in stated[1:]), max(length, stated[-1].tick + 1)]
    time: Counter[MetreName] = Counter()
    for metre, end in zip(stated, ends, strict=True):
        time[metre[1:]] += end - metre.tick
    main = time.most_common(1)[0][0]
    bar = _bar(Metre(0, *main), resolution)

    def is_short(place: int) -> bool:
        own, span = _bar(stated[place], resolution), ends[place] - stated[place].tick
        halves = span == bar and stated[place][1:] == stated[0][1:] and ends[0] == own  # rest and pick-up are alike
        return own < bar and (halves or span <= own + resolution // NEAR_START)

    runs = [list(run) for _, run in groupby(range(len(stated)), key=is_short)]
    if all(e - m.tick <= bar for m, e in zip(stated, ends, strict=True) if m[1:] == main):
        return list(stated)  # metres in turn, bar by bar
    pickup = ends[runs[0][-1]] if is_short(0) else 0
    joined: list[Metre] = []
    for number, run in enumerate(runs):
        start, inside = stated[run[0]], 0 < number < len(runs) - 1
        spans = [(_bar(stated[i], resolution), ends[i] - stated[i].tick) for i in run]
        total = sum(span if span < full or span == bar else full for full, span in spans)
        if not number or not is_short(run[0]) or stated[run[0] - 1][1:] != main:
            joined += [stated[i] for i in run]
        elif total == bar or total == bar - pickup or (inside and total == pickup and 2 * pickup <= bar):
            joined.append(Metre(start.tick, *main))
        else:
            joined += [stated[i] for i in run]
    return joined


def _changes(stated: Sequence[Metre], resolution: int) -> list[Metre]:
    """Leave out metres that change nothing: the one in force, on a barline of it."""
    kept: list[Metre] = []
    for metre in stated:
        is_new = not kept or metre[1:] != kept[-1][1:]
        if is_new or (metre.tick - kept[-1].tick) % _bar(kept[-1], resolution):
            kept.append(metre)
    return kept


def _late_on_barlines(found: Iterable[Any], resolution: int, in_metres: Sequence[Metre]) -> list[Any]:
    """Move changes a few ticks after a barline to it, in order; of two the later holds."""
    moved: dict[int, Any] = {}
    for change in sorted(found, key=lambda c: c.tick):
        metre = [m for m in in_metres if m.tick <= change.tick][-1]
        late = (change.tick - metre.tick) % _bar(metre, resolution)
        tick = change.tick - int(late) if 0 < late <= max(resolution // NEAR, 1) else change.tick
        moved[tick] = change._replace(tick=tick)
    return list(moved.values())


def _qpm(mspq: float) -> float:
    """Convert to quarters per minute with the fewest decimals: 133, not 132.99995."""
    exact = MICROSECONDS_PER_MINUTE / mspq
    rounded = (round(exact, digits) for digits in range(6))
    return next((qpm for qpm in rounded if qpm and round(MICROSECONDS_PER_MINUTE / qpm) == mspq), exact)

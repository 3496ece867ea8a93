"""Pieces as JSON values and back, every field checked, for processes that do not trust each other."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

from ritornello.music.chords import QUALITIES, Chord, read_chord
from ritornello.music.values import MODES, Key, Metre, Note, Part, Piece, Tempo, Timeline

MAX_TICK = 2**53
MAX_TEXT = 100_000
MAX_BARS = 1_000_000  # more than a program should be made to list
MAX_PIECES = 100_000


def pieces_to_json(pieces: list[Piece]) -> list[dict]:
    """Turn pieces into lists, strings and numbers for JSON; notes lie flat, four numbers each."""
    return [
        {
            "title": piece.title,
            "composer": piece.composer,
            "source": piece.source,
            "is_counted": piece.is_counted,
            "states_rhythm": piece.states_rhythm,
            "timeline": piece.timeline.to_dict(),
            "chords": [[tick, c.root, c.quality, c.bass, c.text] for tick, c in piece.chords],
            "parts": [
                [p.name, p.program, p.is_drum, p.syllables, list(chain.from_iterable(p.notes))] for p in piece.parts
            ],
        }
        for piece in pieces
    ]


def pieces_from_json(data: Any) -> list[Piece]:
    """Rebuild pieces from the values of `pieces_to_json`. Raises ValueError for anything else."""
    try:
        return [_piece(item) for item in _list(data, MAX_PIECES)]
    except (TypeError, KeyError, OverflowError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _piece(data: Any) -> Piece:
    parts = tuple(_part(*_list(part, 5)) for part in _list(data["parts"], 10_000))
    timeline = _timeline(data["timeline"])
    piece = Piece(
        parts,
        timeline,
        _text(data["title"]),
        _text(data["composer"]),
        _text(data["source"]),
        data["is_counted"] is True,
        data["states_rhythm"] is True,
        tuple((_whole(tick), _chord(*chord)) for tick, *chord in _list(data["chords"])),
    )
    if _bars(piece.timeline) > MAX_BARS:
        raise ValueError(f"a piece of more than {MAX_BARS} bars is too long")
    return piece


def _bars(timeline: Timeline) -> int:
    """Count the bars of a timeline without listing them."""
    ends = [m.tick for m in timeline.metres[1:]] + [timeline.length]
    spans = (max(0, end - m.tick) / timeline.bar_ticks(m) for m, end in zip(timeline.metres, ends, strict=True))
    return int(sum(spans)) + len(timeline.metres)


def _part(name: Any, program: Any, is_drum: Any, syllables: Any, numbers: Any) -> Part:
    numbers = [_whole(n) for n in _list(numbers, 40_000_000)]
    if len(numbers) % 4:
        raise ValueError("a note needs four numbers")
    notes = tuple(Note(*numbers[i : i + 4]) for i in range(0, len(numbers), 4))
    return Part(notes, _text(name), _whole(program, 127), is_drum is True, _whole(syllables))


def _timeline(data: Any) -> Timeline:
    return Timeline(
        _whole(data["ticks_per_quarter"]),
        _whole(data["length"]),
        tuple(_metre(*_list(m, 4)) for m in _list(data["metres"])),
        tuple(Key(_whole(tick), _fifths(fifths), _mode(mode)) for tick, fifths, mode in _list(data["keys"])),
        tuple(Tempo(_whole(tick), _positive(qpm)) for tick, qpm in _list(data["tempos"])),
    )


def _metre(tick: Any, numerator: Any, denominator: Any, groups: Any = ()) -> Metre:
    grouped = tuple(_whole(n) for n in _list(groups, 64)) if groups else ()
    return Metre(_whole(tick), _whole(numerator), _whole(denominator), grouped)


def _chord(root: Any, quality: Any, bass: Any, text: Any) -> Chord:
    if quality not in QUALITIES:
        raise ValueError(f"the quality of a chord must be one of {', '.join(QUALITIES)}")
    chord = Chord(_whole(root, 11), quality, _whole(bass, 11), _text(text))
    if text:
        read_chord(text)
    return chord


def _list(value: Any, most: int = 1_000_000) -> list:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("a list was expected")
    return value


def _whole(value: Any, most: int = MAX_TICK) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"a whole number from 0 to {most} was expected")
    return value


def _fifths(value: Any) -> int:
    return _whole(value + 7, 14) - 7


def _mode(value: Any) -> str:
    if value not in MODES:
        raise ValueError(f"a mode must be one of {', '.join(MODES)}")
    return value


def _positive(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
        raise ValueError("a tempo must be more than 0")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError("a text was expected")
    return value

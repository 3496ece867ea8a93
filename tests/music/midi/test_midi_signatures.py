"""Metres, keys and tempos as they are meant, from events beside the barline and from metres of part of a bar."""

from __future__ import annotations

import pytest
from midi_bytes import midi_file, off, on, track

from ritornello.music.midi.reader import read_midi, write_midi, write_midi_piece
from ritornello.music.values import Key, Melody, Metre, Note, Part, Piece, Tempo, Timeline


def metre(numerator: int, power: int) -> bytes:
    return bytes([0xFF, 0x58, 4, numerator, power, 24, 8])


def key(fifths: int) -> bytes:
    return bytes([0xFF, 0x59, 2, fifths % 256, 0])


def tempo(qpm: int) -> bytes:
    return b"\xff\x51\x03" + round(60_000_000 / qpm).to_bytes(3, "big")


def timeline(changes, quarters: int = 24, division: int = 480):
    """Read a tune of quarters under changes (tick, bytes)."""
    waits = [b[0] - a for a, b in zip([0, *(c[0] for c in changes)], changes)]
    signatures = track(*((wait, data) for wait, (_, data) in zip(waits, changes)))
    notes = track(*(e for i in range(quarters) for e in ((0, on(60 + i % 7)), (division, off(60 + i % 7)))))
    return read_midi(midi_file(signatures, notes, division=division)).timeline


def metres(*changes, quarters: int = 24, division: int = 480) -> list[tuple[float, str]]:
    """Metres by the quarter where they start; changes: (tick, numerator, power)."""
    found = timeline([(tick, metre(*m)) for tick, *m in changes], quarters, division).metres
    return [(m.tick / division, m.name) for m in found]


@pytest.mark.parametrize(
    ("division", "late"), [(480, 1), (480, 30), (96, 1), (96, 6), (120, 7), (384, 24), (960, 30), (960, 60), (24, 1)]
)
def test_a_signature_a_few_ticks_late_holds_from_its_barline(division, late):
    second = 6 * division + late
    changes = [(late, metre(3, 2)), (late, key(2)), (late, tempo(90))]
    changes += [(second, metre(2, 2)), (second, key(-1)), (second, tempo(80))]
    found = timeline(changes, division=division)
    assert found.metres == (Metre(0, 3, 4), Metre(6 * division, 2, 4))
    assert found.keys == (Key(0, 2), Key(6 * division, -1))
    assert found.tempos == (Tempo(0, 90.0), Tempo(6 * division, 80.0))


def test_of_a_default_at_the_start_and_what_follows_a_tick_later_the_later_holds():
    changes = [(0, metre(4, 2)), (0, key(0)), (0, tempo(120)), (1, metre(6, 3)), (1, key(3)), (1, tempo(100))]
    found = timeline(changes)
    assert (found.metres, found.keys, found.tempos) == ((Metre(0, 6, 8),), (Key(0, 3),), (Tempo(0, 100.0),))


def test_a_metre_a_few_ticks_early_holds_from_its_barline():
    assert metres((0, 4, 2), (3835, 3, 2)) == [(0, "4/4"), (8, "3/4")]


def test_a_metre_first_stated_after_a_pickup_holds_for_the_pickup_too():
    assert metres((480, 3, 2)) == [(0, "3/4"), (1, "3/4")]
    assert metres((3840, 3, 2)) == [(0, "4/4"), (8, "3/4")]


def repeated(pickup, bar, rest, power: int, bars: int = 3, times: int = 4):
    """Metre events of a tune of sections: pick-up, full bars, and the rest of the pick-up's bar."""
    unit, now, changes = 1920 >> power, 0, []
    for _ in range(times):
        for numerator, count in ((pickup, 1), (bar, bars), (rest, 1)):
            changes.append((now, numerator, power))
            now += numerator * count * unit
    return changes, now // 480


@pytest.mark.parametrize(
    ("pickup", "bar", "rest", "power"),
    [(1, 6, 5, 3), (1, 4, 3, 2), (1, 3, 2, 2), (1, 4, 3, 3), (3, 9, 6, 3), (3, 4, 1, 2), (3, 6, 3, 3), (2, 4, 2, 2)],
)
def test_bars_divided_at_repeats_are_bars_of_the_metre_with_a_pickup(pickup, bar, rest, power):
    changes, quarters = repeated(pickup, bar, rest, power)
    name = f"{bar}/{1 << power}"
    wanted = [(0, name), (pickup * 4 / (1 << power), name)]
    assert metres(*changes, quarters=quarters) == wanted
    once = [c for before, c in zip([(), *changes], changes) if before[1:] != c[1:]]  # not stated anew where it holds
    assert metres(*once, quarters=quarters) == wanted


def test_a_divided_bar_in_a_tune_without_a_pickup_is_one_bar():
    assert metres((0, 4, 2), (7680, 3, 2), (9120, 1, 2), (9600, 4, 2), quarters=32) == [(0, "4/4")]


def test_a_section_without_the_pickup_of_the_others_starts_a_bar():
    changes = [(0, 1, 2), (480, 4, 2), (4320, 3, 2), (5760, 4, 2)]
    assert metres(*changes, quarters=24) == [(0, "4/4"), (1, "4/4"), (12, "4/4")]


def test_a_bar_of_another_metre_among_full_ones_stays():
    assert metres((0, 4, 2), (3840, 2, 2), (4800, 4, 2)) == [(0, "4/4"), (8, "2/4"), (10, "4/4")]
    changes = [(0, 1, 2), (480, 4, 2), (4320, 2, 2), (5280, 4, 2)]
    assert metres(*changes) == [(0, "4/4"), (1, "4/4"), (9, "2/4"), (11, "4/4")]
    assert metres((0, 6, 3), (2880, 3, 2), (4320, 6, 3)) == [(0, "6/8"), (6, "3/4"), (9, "6/8")]
    assert metres((0, 3, 3), (720, 2, 2), (1680, 3, 3), (2400, 2, 2), quarters=7) == [
        (0, "3/8"), (1.5, "2/4"), (3.5, "3/8"), (5, "2/4")]  # fmt: skip


def test_modes_are_kept_in_a_text_beside_the_signature():
    """MIDI has numbers for major and minor alone: D dorian and A minor have the same."""
    found = (Key(0, 0, "dorian"), Key(48, 0, "minor"), Key(96, 2, "mixolydian"), Key(144, -3, "major"))
    line = Timeline(12, 192, (Metre(0, 4, 4),), found, (Tempo(0, 120.0),))
    notes = tuple(Note(12 * i, 12, 62 + i % 5) for i in range(16))
    content = write_midi(Melody(notes, line))
    assert [name for name in (b"Key: D dorian", b"Key: A mixolydian") if name not in content] == []
    assert content.count(b"Key: ") == 2  # of modes alone
    assert read_midi(content).timeline.keys == found
    piece = Piece((Part(notes),), line)
    assert read_midi(write_midi_piece(piece)).timeline.keys == found


@pytest.mark.parametrize("text", [b"Key: D dorian", b"Key: nonsense", b"Key: \xff\xfe", b"Key: "])
def test_a_text_beside_another_signature_names_no_mode(text):
    assert timeline([(0, key(2)), (0, b"\xff\x01" + bytes([len(text)]) + text)]).keys == (Key(0, 2),)

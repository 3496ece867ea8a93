"""Seeded damage: the same seed and bytes give the same damaged bytes, everywhere."""

from __future__ import annotations

import random

NASTY = (
    b"\0",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\x80\0\0\0",
    b"-1",
    b"99999999999",
    b"<",
    b'"',
)


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A copy with one to eight wounds: bytes changed, cut out, doubled, moved, or the end cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        if not data:
            break
        place = min(chance.randrange(len(data)), chance.randrange(len(data)))  # headers more often than tails
        match chance.randrange(7):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                data[place] ^= 1 << chance.randrange(8)
            case 2:
                data[place : place + chance.randint(1, 4)] = chance.choice(NASTY)
            case 3:
                del data[place : place + chance.choice((1, 2, 4, 16, 200))]
            case 4:
                data[place:place] = data[place : place + chance.choice((1, 4, 30, 500))]
            case 5:
                other = chance.randrange(len(data))
                data[place : place + 20], data[other : other + 20] = (
                    data[other : other + 20],
                    data[place : place + 20],
                )
            case 6 if chance.random() < 0.2:
                del data[place:]
    return bytes(data)

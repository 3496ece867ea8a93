"""Join the channels of a track in parts: what one track holds is one line, whatever its channels and programs.

A track may change its program in the middle, and rotate its notes over channels so that each can be bent by itself
(guitars, MPE). A file of one track, though, holds the whole band on its channels: there channels are one part only
where they take turns on one program, where all of them together are a single line, or where the file declares MPE.
Sources: MIDI Polyphonic Expression 1.0 (2018), "MPE Configuration Message"; Standard MIDI Files 1.0, format 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ritornello.music.midi.tracks import END_OF_TRACK, META, TRACK_NAME, events, meta_bytes, track_bytes
from ritornello.music.values import Note

PROGRAM_CHANGE, CONTROLLER, NOTES = 0xC, 0xB, (0x8, 0x9)
CHANNEL_PREFIX, INSTRUMENT_NAME = 0x20, 0x04  # meta events: what follows is of one channel
DRUMS = 9  # the channel of percussion, counted from 0
TURNS = 0.1  # of the notes of a line may sound with another channel's
TOGETHER = 0.5  # where more of them do, and programs differ, two players share the track
SHORT_OVERLAP = 0.25  # of a note: legato, no chord


class Voice(NamedTuple):
    """The notes of a channel, or of several that are one line, their General MIDI program and their name, if any."""

    notes: Sequence[Note]
    program: int = 0
    is_drum: bool = False
    name: str = ""


@dataclass(slots=True)
class Channel:
    """The events of one channel: its notes, as bytes of a track, and how many start on each program."""

    messages: list[tuple[int, int, bytes]] = field(default_factory=list)
    programs: Counter[int] = field(default_factory=Counter)

    def to_bytes(self) -> bytes:
        """Write its notes as the bytes of a track."""
        return track_bytes(self.messages)


def channels(track: bytes) -> tuple[dict[int, Channel], bool]:
    """Split the notes of a track by channel, and test whether it declares MPE."""
    found: defaultdict[int, Channel] = defaultdict(Channel)
    program: defaultdict[int, int] = defaultdict(int)
    controllers: dict[tuple[int, int], int] = {}
    is_mpe, tick = False, 0
    for tick, status, _, data in events(track):
        kind, number = status >> 4, status & 15
        if kind in NOTES:
            found[number].messages.append((tick, 0, bytes([status]) + data))
            found[number].programs[program[number]] += kind == 9 and data[1] > 0
        elif kind == PROGRAM_CHANGE:
            program[number] = data[0]
        elif kind == CONTROLLER:
            controllers[number, data[0]] = data[1]
            is_mpe |= data[0] == 6 and data[1] > 0 and [controllers.get((number, n)) for n in (101, 100)] == [0, 6]
    for channel in found.values():
        channel.messages.append((tick, 1, meta_bytes(END_OF_TRACK, b"")))
    return {n: found[n] for n in sorted(found) if found[n].programs.total()}, is_mpe


def channel_names(track: bytes) -> dict[int, bytes]:
    """Find the names that a track gives to channels.

    They follow a channel prefix, which holds up to the next message of a channel.
    """
    found: dict[int, bytes] = {}
    channel = None
    for _, status, kind, data in events(track) if b"\xff\x20\x01" in track else ():
        if status != META:
            channel = None
        elif kind == CHANNEL_PREFIX:
            channel = data[0] & 15 if data else None
        elif kind in (TRACK_NAME, INSTRUMENT_NAME) and channel is not None and data.strip():
            found.setdefault(channel, data)
    return found


def joined(voices: Sequence[Voice], is_alone: bool, is_mpe: bool = False) -> list[Voice]:
    """Join the channels of a track that are one line, percussion apart.

    is_alone: no other track of the file has pitched notes, so that its channels may be different players.
    """
    drums = [v for v in voices if v.is_drum]
    pitched = [v for v in voices if not v.is_drum]
    if len(pitched) < 2:
        return list(voices)
    whole = _together(pitched)
    spans = [np.fromiter((t for n in v.notes for t in (n[0], n[0] + n[1])), np.int64).reshape(-1, 2) for v in pitched]
    common = [[_sounding_with(a, b) for b in spans] for a in spans]

    def shared(places: Sequence[int]) -> float:
        """Compute the largest share of a voice's notes that sound with another's."""
        return max(float(np.any([common[i][j] for j in places if j != i], axis=0).mean()) for i in places)

    everyone = range(len(pitched))
    if not is_alone:
        is_one = len({v.program for v in pitched}) == 1 or is_mpe or shared(everyone) <= TOGETHER
        return [*([whole] if is_one else pitched), *drums]
    if is_mpe or shared(everyone) <= TURNS:
        return [whole, *drums]
    groups: list[list[int]] = []
    for place in everyone:
        for group in groups:
            if pitched[group[0]].program == pitched[place].program and shared([*group, place]) <= TURNS:
                group.append(place)
                break
        else:
            groups.append([place])
    return [*(_together([pitched[i] for i in group]) for group in groups), *drums]


def _together(voices: Sequence[Voice]) -> Voice:
    """Put the notes of voices together, on the program of most of them."""
    counts: Counter[int] = Counter()
    for voice in voices:
        counts[voice.program] += len(voice.notes)
    notes = sorted((n for v in voices for n in v.notes), key=lambda n: n.start)
    return Voice(notes, counts.most_common(1)[0][0], name=next((v.name for v in voices if v.name), ""))


def _sounding_with(notes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which notes sound with a neighbour in another voice, legato aside.

    notes, others: (notes, 2), their starts and ends.
    """
    starts, ends = notes.T
    after = np.searchsorted(others[:, 0], starts, "right")
    found = np.zeros(len(starts), bool)
    for place in (after - 1, after):
        first, last = others[place.clip(0, len(others) - 1)].T
        together = np.minimum(ends, last) - np.maximum(starts, first)
        found |= together > SHORT_OVERLAP * np.minimum(ends - starts, last - first)
    return found

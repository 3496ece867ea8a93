"""The soprano of Bach's chorales among four anonymous tracks in random order."""

from __future__ import annotations

import json
from random import Random

from ritornello.corpus.pick.pick import pick_melodies
from ritornello.music.values import Note, Part, Piece, Timeline

STEP = 120


def voice(rows: list[list[int]], number: int) -> Part:
    """One voice of a chorale on a grid of sixteenths; a pitch that goes on is one note, -1 a rest."""
    notes: list[Note] = []
    before = -1
    for step, row in enumerate(rows):
        pitch = int(row[number]) if number < len(row) else -1
        if pitch == before and pitch >= 0:
            notes[-1] = notes[-1]._replace(duration=notes[-1].duration + STEP)
        elif pitch >= 0:
            notes.append(Note(step * STEP, STEP, pitch))
        before = pitch
    return Part(tuple(notes))


def test_the_soprano_of_the_chorales_is_found(shared_data):
    path = shared_data("chorales") / "jsb-chorales-16th.json"
    chorales = [c for split in json.loads(path.read_text("utf-8")).values() for c in split]
    random, found = Random(1), 0
    for rows in chorales:
        order = random.sample(range(4), 4)
        (choice,) = pick_melodies(Piece(tuple(voice(rows, n) for n in order), Timeline(480)))
        found += order[choice.part] == 0
    assert len(chorales) == 382
    assert found >= 0.95 * len(chorales)

"""A machine that plays alone: its phrases are melodies in every register to which it wanders, for days."""

import gc
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.virtual_stage import counted

from ritornello.api.live import jam
from ritornello.live.dials import Dials
from ritornello.live.engine import Engine
from ritornello.live.line import Line
from ritornello.model.file import find_model, load_model

HOUR = 3600.0


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_an_installation_plays_melodies_not_one_pitch_over_and_over(seed):
    made = jam(preset="installation", seconds=60, seed=seed)
    pitches = [note.pitch for note in made.piece.parts[1].notes]
    repeated = sum(before == after for before, after in pairwise(pitches))
    assert len(pitches) >= 12
    assert len({*pitches}) >= 6
    assert repeated <= 0.5 * len(pitches)  # nearly all, where the header named an octave above the register


def resident():
    """Memory of this process in pages, garbage left out."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_day_alone_needs_no_more_memory_than_its_first_hours():
    dials = Dials(mode="autonomous", qpm=60, taboo=8, half_life=600)
    model = load_model(find_model("grid"))  # the one that computes least
    engine = Engine(Line.of(model, 1, dials), dials, seed=1)
    ons, offs, pages = 0, 0, []
    for hour in range(1, 25):
        played = counted(engine, hour * HOUR)
        ons, offs = ons + played[0], offs + played[1]
        pages.append(resident())
    engine.play.dials = Dials(mode="follow")  # it begins nothing more, and plays what it has begun
    played = counted(engine, 24 * HOUR + 60)
    assert ons + played[0] == offs + played[1] > 24 * 500
    assert max(pages[4:]) <= 1.01 * pages[3]

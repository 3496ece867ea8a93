"""Half an hour in real time, as an installation plays it: `make soak`."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

MINUTES, SETTLED = 30, 6  # of the performance; after which nothing grows any more
PLAY = f"""
from ritornello.api.live import jam
from ritornello.live.stage.ports import PortOptions
from ritornello.live.stage.runner import StageOptions
stage = StageOptions(outputs=(PortOptions("virtual f"),), kind="file:/dev/null")
jam("songs", seed=1, seconds={MINUTES * 60}, stage=stage, mode="autonomous", qpm=180)
"""


def resident(process):
    """Memory of a process and its children in kilobytes."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    status = Path(f"/proc/{process}/status").read_text()
    own = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    return own + sum(map(resident, children))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_half_an_hour_alone_in_real_time_needs_no_more_memory_than_its_first_minutes():
    process = subprocess.Popen([sys.executable, "-c", PLAY])
    sizes = []
    for _ in range(MINUTES - 1):
        time.sleep(60)
        sizes.append(resident(process.pid))
        print(sizes[-1], flush=True)
    assert process.wait(180) == 0
    assert max(sizes[SETTLED:]) <= 1.01 * sizes[SETTLED - 1]

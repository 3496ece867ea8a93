"""How many tunes of a model that writes letters can be read, and have full bars, with the grammar and without it?

python -m benchmarks.letters --json [--model letters] [--tunes 500] [--temperature 1]

A tune parses where our reader finds nothing that it leaves out, and adds up where its bars are full besides (the
first may be a pick-up, the last what it leaves). abc2midi, where it is installed, is asked for its opinion, too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import hardware

from ritornello.api import load_model
from ritornello.api.model import Model
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="letters")
    parser.add_argument("--tunes", type=int, default=500)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = load_model(options.model)
    rows = [shares(model, options.tunes, options.temperature, unguarded) for unguarded in (False, True)]
    if options.json:
        print(json.dumps({"hardware": hardware(), "rows": rows}))
    else:
        for row in rows:
            print(", ".join(f"{name} {value}" for name, value in row.items()))


def shares(model: Model, tunes: int, temperature: float, unguarded: bool) -> dict[str, Any]:
    """Compose tunes, each as long as it likes, and count those without fault."""
    options = GenerateOptions(temperature=temperature, top_p=1.0, unguarded=unguarded)
    started = time.perf_counter()
    made = compose(model.network, model.encoding, options, 1, range(tunes), pitch_range=model.pitch_range)
    seconds = time.perf_counter() - started
    faults = [model.encoding.faults(each.tokens) for each in made]
    letters = sum(len(each.tokens) for each in made)
    row = {
        "grammar": not unguarded,
        "tunes": tunes,
        "parse": sum(not each["unread"] for each in faults) / tunes,
        "add_up": sum(not each for each in faults) / tunes,
        "letters_per_second": round(letters / seconds),
    }
    if shutil.which("abc2midi"):
        row["without_a_warning_of_abc2midi"] = (
            sum(_is_clean(model.encoding.abc(each.tokens)) for each in made) / tunes
        )
    return row


def _is_clean(tune: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tune.abc"
        path.write_text(tune, encoding="ascii")
        done = subprocess.run(
            ["abc2midi", path, "-o", path.with_suffix(".mid")],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    return not any(word in done.stdout + done.stderr for word in ("Error", "Warning"))


if __name__ == "__main__":
    main()

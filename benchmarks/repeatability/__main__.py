"""Is a melody the same alone and in a batch, and under another BLAS kernel?

Each way of composing runs in a process of its own; what is compared is a digest of each melody's tokens.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.report import arguments, clean_environment, tell

WAYS = {  # name: (batch, environment)
    "alone": (1, {}),
    "batches of 64": (64, {}),
    "alone, older kernel": (1, {"OPENBLAS_CORETYPE": "Haswell"}),
    "batches of 64, older kernel": (64, {"OPENBLAS_CORETYPE": "Haswell"}),
}
CHILD = """
import hashlib, json, sys
from ritornello.api import load_model
from ritornello.generate.compose import compose
from ritornello.generate.options import GenerateOptions
model, count, batch = load_model(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
digests = []
for at in range(0, count, batch):
    indices = range(at, min(at + batch, count))
    made = compose(model.network, model.file.encoding, GenerateOptions(), 1, indices)
    digests += [hashlib.sha256(m.tokens.tobytes()).hexdigest()[:16] for m in made]
print(json.dumps(digests))
"""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default="hymns-and-songs")
    parser.add_argument("--melodies", type=int, default=1000)
    options = parser.parse_args()
    digests = {
        name: compose(options.model, options.melodies, batch, environment)
        for name, (batch, environment) in WAYS.items()
    }
    first = digests["alone"]
    rows = [
        {
            "composed": name,
            "melodies": len(made),
            "differ from alone": sum(a != b for a, b in zip(first, made, strict=True)),
        }
        for name, made in digests.items()
    ]
    tell(rows, options.json, distinct=len(set(first)))


def compose(model: str, count: int, batch: int, environment: dict[str, str]) -> list[str]:
    """Digests of `count` melodies composed `batch` at a time in a fresh process."""
    command = [sys.executable, "-c", CHILD, model, str(count), str(batch)]
    env = clean_environment(OPENBLAS_NUM_THREADS="1", **environment)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()

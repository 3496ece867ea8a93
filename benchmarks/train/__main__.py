"""How fast is training, how good is it after how long, and what does it take, beside the exercise's network?

Parts: bits (bits per note of the default recipe on several corpora), speed (target tokens per second, and the share
of what the processor can do), start (seconds to the first update, memory), busy (training by time beside other
programs), finetune (what --from gains on twenty tunes), networks (an LSTM and a
transformer beside each other), quality (test likelihood and time by one rule; hours).
--keras names a Python interpreter that has Keras and TensorFlow; without it there is no exercise's network to compare
with.
"""

from __future__ import annotations

import json

from benchmarks.report import arguments, hardware, tell
from benchmarks.train import bits, busy, finetune, networks, quality, speed, start

PARTS = {
    "bits": bits.measure,
    "speed": speed.measure,
    "start": start.measure,
    "busy": busy.measure,
    "finetune": finetune.measure,
    "networks": networks.measure,
    "quality": quality.measure,
}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--part", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--keras", metavar="PYTHON", help="an interpreter that has Keras and TensorFlow")
    bits.add_options(parser)
    speed.add_options(parser)
    start.add_options(parser)
    busy.add_options(parser)
    finetune.add_options(parser)
    networks.add_options(parser)
    quality.add_options(parser)
    options = parser.parse_args()
    tables = []
    for part in options.part:
        for rows, metadata in PARTS[part](options):
            tables.append({"part": part, **metadata, "rows": rows})
            if not options.json:
                tell(rows, False, part=part, **metadata)
                print(flush=True)
    if options.json:
        print(json.dumps({"hardware": hardware(), "tables": tables}))


if __name__ == "__main__":
    main()

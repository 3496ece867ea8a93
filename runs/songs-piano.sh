#!/usr/bin/env bash
# The shipped model songs-piano, from the embedded corpus to the file in the package: piano parts of songs (CC0), as they
# might be played (`ritornello.corpus.humanise`).
# The clock ends it, so that another machine makes other weights: the shipped file had 22 minutes and 9 more (`--resume`)
# on a machine with much other work on it, 2,255 updates.
set -euo pipefail
cd "$(dirname "$0")/.."
run=$(mktemp -d)
ritornello train songs-piano-played -o "$run/run" --encoding events --preset performance --minutes "${1:-22}" --seed 1 \
  --threads 1 --streams 24 --bptt-steps 96
python scripts/ship_model.py "$run/run" --corpus songs-piano-played --replace \
  -o src/ritornello/data/models/songs-piano.safetensors

#!/usr/bin/env bash
# The shipped model that writes ABC letter by letter, from the embedded corpus to the file in the package.
# The shipped file is this run's best network when it was stopped by hand after update 2496 (2026-11-30, 22 minutes of
# one thread on a two-core machine at a load of twenty, torch 2.13.0 (CPU), bf16): run to its end it will be better.
set -euo pipefail
cd "$(dirname "$0")/.."

run=$(mktemp -d)
ritornello train all --encoding text -o "$run/run" --updates 5000 --bptt-steps 96 --seed 1 --threads 1 --dtype bf16
python scripts/ship_model.py "$run/run" --corpus all --replace -o src/ritornello/data/models/letters.safetensors

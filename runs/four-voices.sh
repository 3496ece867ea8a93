#!/usr/bin/env bash
# The shipped model four-voices, from the embedded corpus to the file in the package: hymns in four voices, the soprano
# given in half of what it reads.
# 2026-11-30, AMD EPYC (AVX512-BF16), one thread of a two-core machine with other work on it, torch 2.13.0 (CPU), bf16.
# On the same kind of machine the same program and seed give the same weights.
set -euo pipefail
cd "$(dirname "$0")/.."
run=$(mktemp -d)
ritornello train hymns-voices -o "$run/run" --encoding chorale --given soprano --updates 5000 --seed 1 --threads 1 \
  --dtype bf16 --bptt-steps 64 --weight-decay 0.3 --dropout 0.45
python scripts/ship_model.py "$run/run" --corpus hymns-voices --replace \
  -o src/ritornello/data/models/four-voices.safetensors

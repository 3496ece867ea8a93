#!/usr/bin/env bash
# The shipped model `hymns-and-songs`, from the embedded corpus to the file in the package.
# 2026-11-22, AMD EPYC (Zen 5, AVX512-BF16), one thread of a two-core machine with other work on it, torch 2.13.0 (CPU), bf16: 20 minutes of training.
# On the same kind of machine the same seed gives the same weights.
set -euo pipefail
cd "$(dirname "$0")/.."

run=$(mktemp -d)
ritornello train all -o "$run" --preset lstm --updates 7000 --seed 1 --threads 1 --dtype bf16 \
  --bptt-steps 96 --dropout 0.41
python scripts/ship_model.py "$run" -o src/ritornello/data/models/hymns-and-songs.safetensors

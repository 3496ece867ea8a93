#!/usr/bin/env bash
# The shipped model songs-piano: piano parts of songs (CC0), as they might be played.
# CORPUS keeps all notes (`ritornello corpus build --keep all`): the piano parts of the scores that the embedded songs
# come from. The shipped file learned from every third of them, 339 pieces with 272,366 notes (fingerprint of the played
# corpus 88e8b4828c91).
# 2026-11-30, AMD EPYC, one thread of two cores with much other work on them, torch 2.13.0 (CPU), bf16: 15 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=${1:?usage: runs/songs-piano.sh CORPUS}
run=$(mktemp -d)
python scripts/humanise.py "$corpus" -o "$run/played"
ritornello train "$run/played" -o "$run/run" --encoding events --preset performance --minutes 15 --seed 1 --threads 1 \
  --streams 24 --bptt-steps 96
python scripts/ship_model.py "$run/run" --corpus "$run/played" --replace \
  -o src/ritornello/data/models/songs-piano.safetensors

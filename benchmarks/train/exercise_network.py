"""The exercise's network in Keras, written from its description: what the other trainers are measured against.

Embedding of 130 symbols in 256 numbers, two LSTM layers of 256, softmax; windows of 30 steps at stride 1 with one
target each, batches of 64, Adam at its defaults, in shuffled order. It runs in a process of its own, on an
interpreter that has Keras and TensorFlow, and needs nothing of this package:

    python exercise_network.py MELODIES.npz --seed 1 --minutes 12 --check-seconds 15 --patience 6

MELODIES.npz holds, for each of train, validation and test, `<name>` (steps of all melodies, one after the other)
and `<name>_lengths`. Prints one JSON value per line: a line for each check, then one with `final`.
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

SYMBOLS, WIDTH, WINDOW, BATCH = 130, 256, 30, 64
SLICE = 64 * 20  # windows between two looks at the clock


def melodies(file, name):
    """The melodies of a split, a list of (steps,) arrays."""
    return np.split(file[name].astype(np.int64), np.cumsum(file[f"{name}_lengths"])[:-1])


def windows(train):
    """All windows of 30 steps and the step after each: (windows, 30), (windows,)."""
    cut = [np.lib.stride_tricks.sliding_window_view(m, WINDOW + 1) for m in train if len(m) > WINDOW]
    block = np.concatenate(cut)
    return block[:, :-1], block[:, -1]


def network(every_step):
    """The network; every_step: a prediction after each step, for scoring whole melodies."""
    return keras.Sequential(
        [
            keras.Input(shape=(None,)),
            keras.layers.Embedding(SYMBOLS, WIDTH),
            keras.layers.LSTM(WIDTH, return_sequences=True),
            keras.layers.LSTM(WIDTH, return_sequences=every_step),
            keras.layers.Dense(SYMBOLS),
        ]
    )


class Scorer:
    """Nats per step over whole melodies, each from its beginning; the first step costs what its frequency says."""

    def __init__(self, train, model):
        counts = np.bincount(np.concatenate(train), minlength=SYMBOLS) + 1.0
        self._first = -np.log(counts / counts.sum())
        self._model, self._whole = model, network(True)

    def __call__(self, group):
        self._whole.set_weights(self._model.get_weights())
        length = -(-max(map(len, group)) // 256) * 256
        padded = np.zeros((len(group), length), np.int64)
        for row, melody in zip(padded, group, strict=True):
            row[: len(melody)] = melody
        logits = np.asarray(self._whole(padded, training=False), np.float64)
        nats = 0.0
        for row, melody in zip(logits, group, strict=True):
            said = row[: len(melody) - 1]
            total = np.log(np.exp(said - said.max(1, keepdims=True)).sum(1)) + said.max(1)
            nats += self._first[melody[0]] + (total - said[np.arange(len(said)), melody[1:]]).sum()
        return nats / sum(map(len, group))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("melodies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=12.0, help="of training, at most; checks are not counted")
    parser.add_argument("--check-seconds", type=float, default=15.0)
    parser.add_argument(
        "--check-windows", type=int, help="instead: so many windows, the same however busy the machine"
    )
    parser.add_argument("--patience", type=int, default=6, help="checks without a gain before it stops")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--turns", action="store_true", help="instead: for each line that comes in, train on some "
                        "windows, and their number in a second as a line out")  # fmt: skip
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    keras.utils.set_random_seed(options.seed)
    file = np.load(options.melodies)
    train, validation, test = (melodies(file, name) for name in ("train", "validation", "test"))
    if options.turns:
        take_turns(train)
        return
    for line in training(train, validation, test, options):
        print(json.dumps(line), flush=True)


def take_turns(train):
    """Train on the same windows again and again when told to; each teaches one target."""
    inputs, targets = (part[:SLICE] for part in windows(train))
    model = compiled()
    model.train_on_batch(inputs[:BATCH], targets[:BATCH])
    for _ in sys.stdin:
        began = time.perf_counter()
        model.fit(inputs, targets, batch_size=BATCH, shuffle=False, verbose=0)
        print(SLICE / (time.perf_counter() - began), flush=True)


def compiled():
    """The network ready to train."""
    model = network(False)
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), optimizer="adam")
    return model


def training(train, validation, test, options):
    """Train by the rule, yielding checks; `test` is scored once, with the weights that were best on `validation`."""
    inputs, targets = windows(train)
    model = compiled()
    score = Scorer(train, model)
    random = np.random.default_rng(options.seed)
    model.train_on_batch(inputs[:BATCH], targets[:BATCH])  # compiled before the clock starts
    score(validation)
    order, place, seen = random.permutation(len(inputs)), 0, 0
    unchecked = 0
    seconds, last_check, best, best_at, best_seen, since, kept = 0.0, 0.0, np.inf, 0.0, 0, 0, model.get_weights()
    while seconds < 60 * options.minutes and since < options.patience:
        if place + SLICE > len(order):
            order, place = random.permutation(len(inputs)), 0
        rows = order[place : place + SLICE]
        began = time.perf_counter()
        model.fit(inputs[rows], targets[rows], batch_size=BATCH, shuffle=False, verbose=0)
        seconds += time.perf_counter() - began
        place, seen, unchecked = place + SLICE, seen + SLICE, unchecked + SLICE
        is_due = seconds - last_check >= options.check_seconds
        if options.check_windows is not None:
            is_due = unchecked >= options.check_windows
        if not is_due:
            continue
        last_check, unchecked, nll = seconds, 0, score(validation)
        since += 1
        if nll < best:
            best, best_at, best_seen, since, kept = nll, seconds, seen, 0, model.get_weights()
        epochs = seen / len(inputs)
        yield {"seconds": seconds, "windows": seen, "validation": nll, "epochs": epochs}
    model.set_weights(kept)
    told = {"seconds": best_at, "windows": best_seen, "validation": best, "test": score(test), "stopped_at": seconds}
    yield {"final": told | {"targets_per_second": seen / seconds}}


if __name__ == "__main__":
    main()

# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Ways of writing notes down
#
# How a tune becomes a row of numbers decides how hard it is to learn. Here is one tune in every encoding, the same minute of
# training in three of them, and how to write your own.

# %%
import os

import numpy as np

import ritornello as rito
from ritornello.encoding import Grid, make_encoding

QUICK = bool(os.environ.get("RITORNELLO_QUICK"))  # a tenth of the minutes, to check that the notebook runs
MINUTES = 0.1 if QUICK else 1.0

# %%
hymns = rito.load_corpus("hymns")
tune = next(melody for melody in hymns.melodies() if melody.title == "Silent Night")
tune

# %% [markdown]
# ## 1. One tune, many rows of numbers
#
# `grid` has a symbol for every sixteenth (and, unlike the 130 symbols of the exercise, some for metres and the end); `note` has pitch and
# length of each note; `interval` the same, with pitches counted from the key note; `lookback` is a grid that can also say "as one
# or two bars ago" (before a tune all is silent, so its first symbols may say so); `text` writes ABC letter by letter.

# %%
from html import escape
from importlib.util import find_spec

from IPython.display import HTML, display

COLOURS = ("#b4c7dc", "#e7d7b6", "#c9dbc0", "#e5c4bb", "#d5c9e2")


def boxes(name, music=tune, tokens=24):
    """Draw the first tokens of music in an encoding as coloured boxes."""
    encoding = make_encoding(name)
    row = encoding.encode(music).tokens
    kinds = {row.name: n for n, row in enumerate(encoding.vocabulary.rows)}
    cells = []
    for token in row[:tokens]:
        spelt = encoding.vocabulary.spell([token])
        colour = COLOURS[kinds.get((spelt.split() or [spelt])[0], 0) % len(COLOURS)]
        cells.append(
            f'<span style="display:inline-block;margin:1px;padding:2px 5px;border-radius:4px;color:#222;'
            f'background:{colour};font:12px monospace">{escape(spelt)}</span>'
        )
    return f"<p><b>{escape(name)}</b>, {len(row)} tokens<br>{''.join(cells)} …</p>"


names = ["grid", "note", "interval", "lookback", "text"]
names += ["miditok"] if find_spec("miditok") else []  # an extra: pip install miditok
display(HTML("".join(boxes(name) for name in names)))

# %% [markdown]
# ✎ **Exercise.** Transpose the tune by a fourth (`tune.transposed(5)`). In which encodings do its tokens stay the same?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
for name in ("grid", "note", "interval"):
    encoding = make_encoding(name)
    before, after = (encoding.encode(melody).tokens for melody in (tune, tune.transposed(5)))
    same = len(before) == len(after) and np.mean(before == after)
    print(f"{name:9} {same:.0%} of its tokens are the same")
# In `interval` only the key note and its octave change, in the header. The tokens of `lookback` and `text` change as the grid's do.

# %% [markdown]
# ### More than melodies
#
# Four voices, and several notes at a time, have encodings of their own:
#
# - `chorale` has a symbol for each voice at each sixteenth, soprano to bass: the first note of each, then `hold`, or by how many
#   semitones it moves (the first `move` of a voice is its pitch, later ones are steps: 64 is none, 66 two up). A hymn that begins with a pick-up begins with rests, which fill up its bar;
#   this one begins on a barline.
# - `events` writes a piano as it was played: keys go down and up, with hundredths of a second between them (all numbers
#   count from 0: `time_shift 0` is one hundredth; `velocity` is loudness, in 32 steps).
# - `events-beats` writes the same piece as its score has it: bars, time in parts of a beat, and how long each note lasts
#   (`duration 11` is twelve 24ths of a quarter). Notes of a chord share what is alike, so it needs fewer symbols.

# %%
voices = next(hymn for hymn in rito.load_corpus("hymns-voices").music() if not hymn.timeline.pickup)
played = rito.load_corpus("songs-piano-played").music()[0]
written = rito.load_corpus("songs-piano").music()[0]
display(HTML(boxes("chorale", voices) + boxes("events", played) + boxes("events-beats", written)))

# %% [markdown]
# ### Models of them
#
# A model composes in its own encoding. This one writes ABC, letter by letter:

# %%
rito.load_model("letters").generate(bars=8, seed=1)

# %% [markdown]
# This one moves four voices, and this one plays the piano:

# %%
rito.load_model("four-voices").generate(seed=1)

# %%
rito.load_model("songs-piano").generate(seconds=20, notes_per_second="2,8,4", seed=1)

# %% [markdown]
# ## 2. The same minutes in three of them
#
# The next cell trains four networks, a minute each: time for a coffee.
#
# How hard is a note to guess for a network that has learned? This is counted in bits, questions with the answer yes or no: a note
# of 4 bits is as hard as one of 16 equal cards. Bits per note are all bits that a tune costs, divided by its notes, so they can be
# compared between encodings: fewer are better. A model of `interval` has a *memory* too, of the tune so far and of the training
# tunes; here it is trained without it, for a fair comparison, and with it. A minute is short, and 249 hymns are few: which of `note`
# and `interval` comes first may change with the seed (`benchmarks/representations` compares them on more tunes, for longer).

# %%
scores = {}
ways = {
    "grid": {"encoding": "grid"},
    "note": {"encoding": "note"},
    "interval": {"memory": "none"},
    "interval with memory": {},
}
for name, options in ways.items():
    run = rito.train("hymns", minutes=MINUTES, seed=1, **options)
    scores[name] = rito.load_model(run).evaluate("hymns")["bits_per_note"]

for name, bits in scores.items():
    print(f"{name:20} {bits:.2f} bits per note {'#' * round(8 * bits)}")

# %% [markdown]
# ## 3. Write your own
#
# An encoding is a class: a table of its symbols, `encode`, `decode`, and which symbol may follow. The shortest way to one is to
# change one that is there. This grid has two steps a quarter instead of four: half as many symbols, and no sixteenths. (Times of
# notes are in ticks, 480 a quarter.)

# %%
coarse = Grid(plain=True, steps_per_quarter=2)
encoded = coarse.encode(tune)
print(len(encoded.tokens), "symbols; lost or changed:", dict(encoded.losses))
coarse.decode(encoded.tokens).notes[:4]

# %% [markdown]
# ✎ **Exercise.** What does the tune lose, and what would be gained? `docs/representations.md`, one folder above this notebook, shows a whole
# encoding of one's own.

# %% [markdown]
# <details><summary>Answer</summary>
#
# The sixteenths after the dotted eighths vanish, the notes before them last until the next one, and the tune loses its swing. The
# network reads twice as many tunes in the same time, and sees twice as far back.
# </details>

# %% [markdown]
# ### Next
#
# 4. [Call and response](instrument.ipynb)

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
# How a tune becomes a row of numbers decides what the network can learn. Here is one tune in every encoding, the same minute of
# training in three of them, and how to write your own.

# %%
import os
import subprocess
import sys

if "google.colab" in sys.modules:  # on your own machine: pip install ritornello jupyterlab
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "ritornello"], check=True)

# %%
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

# %%
from html import escape

from IPython.display import HTML, display

COLOURS = ("#b4c7dc", "#e7d7b6", "#c9dbc0", "#e5c4bb", "#d5c9e2")


def boxes(name, tokens=24):
    """Draw the first tokens of the tune in an encoding as coloured boxes."""
    encoding = make_encoding(name)
    row = encoding.encode(tune).tokens
    kinds = {row.name: n for n, row in enumerate(encoding.vocabulary.rows)}
    cells = []
    for token in row[:tokens]:
        spelt = encoding.vocabulary.spell([token])
        colour = COLOURS[kinds.get(spelt.split()[0], 0) % len(COLOURS)]
        cells.append(
            f'<span style="display:inline-block;margin:1px;padding:2px 5px;border-radius:4px;color:#222;'
            f'background:{colour};font:12px monospace">{escape(spelt)}</span>'
        )
    return f"<p><b>{escape(name)}</b>, {len(row)} tokens<br>{''.join(cells)} …</p>"


display(HTML("".join(boxes(name) for name in ("grid", "note", "interval", "lookback"))))

# %% [markdown]
# ✎ **Exercise.** Transpose the tune by a fourth (`tune.transposed(5)`). In which encodings do its tokens stay the same?

# %% jupyter={"source_hidden": true}
for name in ("grid", "note", "interval"):
    encoding = make_encoding(name)
    before, after = (encoding.encode(melody).tokens for melody in (tune, tune.transposed(5)))
    same = len(before) == len(after) and np.mean(before == after)
    print(f"{name:9} {same:.0%} of its tokens are the same")

# %% [markdown]
# ## 2. The same minutes in three of them
#
# Bits per note can be compared between encodings: all that a tune costs, divided by its notes.

# %%
scores = {}
for name, options in {"grid": {"encoding": "grid"}, "note": {"encoding": "note"}, "interval": {}}.items():
    run = rito.train("hymns", minutes=MINUTES, seed=1, **options)
    scores[name] = rito.load_model(run).evaluate("hymns")["bits_per_note"]

for name, bits in scores.items():
    print(f"{name:9} {bits:.2f} bits per note {'#' * round(8 * bits)}")

# %% [markdown]
# ## 3. Write your own
#
# An encoding is a class: a table of its symbols, `encode`, `decode`, and which symbol may follow. The shortest way to one is to
# change one that is there. This grid has two steps a quarter instead of four: half as many symbols, and no sixteenths.

# %%
coarse = Grid(plain=True, steps_per_quarter=2)
encoded = coarse.encode(tune)
print(len(encoded.tokens), "symbols; lost or changed:", dict(encoded.losses))
coarse.decode(encoded.tokens).notes[:4]

# %% [markdown]
# ✎ **Exercise.** What does the tune lose, and what would be gained? `docs/representations.md` shows a whole encoding of one's own.

# %% [markdown] jupyter={"source_hidden": true}
# <details><summary>Answer</summary>
#
# The sixteenths after the dotted eighths move to the next eighth or vanish, and the tune loses its swing. The network reads twice
# as many tunes in the same time, and sees twice as far back.
# </details>

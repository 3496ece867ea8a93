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
# # Measuring melodies
#
# What does each note of a melody cost a model that knows other melodies? Its *surprisal* is counted in bits, questions with the
# answer yes or no: a note of 4 bits was as hard to guess as one of 16 equal cards. This notebook shows surprisal note by note,
# cross-validation on a folder, two models compared with an interval, and tables in pandas.

# %%
import os

import pandas as pd

import ritornello as rito

QUICK = bool(os.environ.get("RITORNELLO_QUICK"))  # a tenth of the minutes, to check that the notebook runs
MINUTES = 0.05 if QUICK else 0.5

# %% [markdown]
# ## 1. Surprisal, note by note
#
# `start` and `duration` are in quarters. `bits` is what the note cost in all: `pitch_bits` for its pitch, `duration_bits` for its
# duration, `other_bits` for metre, key and rests before it, and that a note comes at all. `pitch_entropy` is what the model expected
# the pitch to cost before it came, and `pitch_rank` its place among the guesses, 1 for the likeliest; likewise of the duration.

# %%
hymns = rito.load_corpus("hymns")
melody = next(
    tune for tune in hymns.melodies("test") if tune.title == "Be Still My Soul"
)  # it has notes off the beat
model = rito.load_model("hymns")
costs = model.surprise(melody)
pd.DataFrame(costs).round(2).head(12)

# %% [markdown]
# On the staff and the roll: blue notes were expected, red ones were not.

# %%
from dataclasses import replace

from ritornello.render.page import notebook_html
from ritornello.render.save import exhibit_of

from IPython.display import display

shown = exhibit_of(melody, [float(2.0**-bits) for bits in costs["pitch_bits"]])
display({"text/html": notebook_html(replace(shown, is_tinted=True))}, raw=True)

# %% [markdown]
# ✎ **Exercise.** Which notes are the most surprising? Are they long or short, on the beat or off it?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
table = pd.DataFrame(costs)
table["on the beat"] = table["start"] % 1 == 0
print(table.nlargest(3, "pitch_bits")[["start", "duration", "pitch", "pitch_bits"]].round(2))
print(table.groupby("on the beat")["pitch_bits"].agg(["count", "mean"]).round(2))
print(table.groupby("duration")["pitch_bits"].agg(["count", "mean"]).round(2))

# %% [markdown]
# ## 2. Cross-validation on a folder
#
# With few tunes one split says little: train and score several times, each time with another part of the tunes left out. Variants
# of a tune are left out together. `"hymns"` stands here for a way of training (encoding, size of the network), not for what that
# model has learned: each fold trains a new network, from nothing, on a few tunes. So its bits are many.

# %%
rito.samples("sample_tunes")
corpus = rito.build_corpus("sample_tunes")
folds = rito.cross_validate("hymns", corpus, folds=3, minutes=MINUTES)
{name: folds[name] for name in ("bits_per_note", "bits_per_note_interval", "notes")}

# %% [markdown]
# ## 3. Two models, with an interval
#
# The difference is paired over tunes: both models score the same ones. The interval says where the difference would lie in 95 of
# 100 cases if other tunes of this kind had been the test. If it contains 0, the test tunes do not tell the models apart.

# %%
scores = rito.load_model("hymns").evaluate("hymns", beside="hymns-and-songs")
difference = scores["beside"]["difference"]
{"hymns": scores["bits_per_note"], "hymns, interval": scores["bits_per_note_interval"], "difference": difference}

# %% [markdown]
# ## 4. Tables

# %%
notes = hymns.to_pandas()
notes.groupby("metre")["duration"].agg(["count", "mean"]).round(2).sort_values("count", ascending=False).head()

# %% [markdown]
# ✎ **Exercise.** How often does a hymn in major go down by a step, and how often up? Use `notes` alone.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
steps = notes.groupby(["source", "melody"])["pitch"].diff()
major = notes["key"].str.contains("major", na=False)
print("down by a step:", int(steps[major].isin([-1, -2]).sum()), " up:", int(steps[major].isin([1, 2]).sum()))

# %% [markdown]
# ### Next
#
# `docs/research.md`, one folder above this notebook, says what each figure means, and how the intervals are made. 1. [From the beginning](exercise.ipynb)

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
# # Your own tunes
#
# A folder of your files goes in: MIDI, ABC, MusicXML, kern, MEI or MuseScore. You see what became of each, hear which line was
# picked, train a network on them or tune a shipped one, and check whether it copies.

# %%
import os

import ritornello as rito

QUICK = bool(os.environ.get("RITORNELLO_QUICK"))  # a tenth of the minutes, to check that the notebook runs
MINUTES = 0.1 if QUICK else 1.0

# %% [markdown]
# ## 1. A folder of files
#
# Put your folder beside this notebook, and its name between the quotation marks; for a folder elsewhere write the whole path, with
# `/` between the names. Ten tunes of one kind are enough to hear a difference. If you have no files, these twelve come with the
# program; three of them are broken in the ways that files from the internet often are.

# %%
folder = "sample_tunes"  # "my_midi_folder"
if folder == "sample_tunes":
    rito.samples(folder)
sorted(name for name in os.listdir(folder) if not name.startswith("."))

# %%
corpus = rito.build_corpus(folder)
for line in corpus.report:
    print(line)

# %% [markdown]
# Every file has a line: kept or dropped, why, and what would help.
#
# ## 2. Hear what was picked
#
# Of a file with several parts the program picks the melody. Did it pick what you would sing? These are the first three;
# `corpus.melodies()` shows them all.
#
# Are the bars of one file wrong? State its metre for that file alone, and put it back among the others:
#
# ```python
# waltz = rito.build_corpus("my_midi_folder/waltz.mid", metre="3/4").melodies()
# others = [melody for melody in corpus.melodies() if not melody.source.endswith("waltz.mid")]
# corpus = rito.build_corpus([*others, *waltz])
# ```
#
# If the metre is right and the barlines are not, `beat_offset=1` says that the first barline comes one quarter after the start:
# `rito.build_corpus("my_midi_folder/waltz.mid", metre="3/4", beat_offset=1)`. A line of the report such as
# "unsure_bars (3/4, 57%; or 3/4 from -1.01 quarters there, 17%)" says how sure the program is of 3/4, and its second guess:
# `metre="3/4", beat_offset=-1.01`.

# %%
corpus.melodies()[:3]

# %% [markdown]
# ✎ **Exercise.** `greensleeves-band.mid` has five parts, of which the drums have no staff. `rito.read(path)[0]` shows all parts of a
# file, and `rito.explain_file(path)` says how the melody was chosen. Would you have chosen the same part?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
band = os.path.join(folder, "greensleeves-band.mid")
if os.path.exists(band):
    [found] = rito.explain_file(band)
    for part in found.to_dict()["parts"]:
        print(f"part {part['number']}, {part['instrument']}, {part['notes']} notes: {part['verdict']}")
    print(found.to_dict()["picked"][0]["why"])

# %% tags=["hide-cell"]
rito.read(band)[0] if os.path.exists(band) else corpus.melodies()[0]

# %% [markdown]
# ## 3. Tune a shipped model on them
#
# A handful of tunes is too little to learn music from. A *shipped* model comes with the program, already trained: it knows how tunes
# go, and a minute of *fine-tuning* teaches it how yours go. With `out="my-run"` in the call the network is kept in the folder
# `my-run`, and `rito.load_model("my-run")` finds it again, in the other notebooks too.

# %%
run = rito.train(corpus, base="hymns-and-songs", minutes=MINUTES, seed=1)
model = rito.load_model(run)
model.generate(n=4, bars=8, seed=1)

# %% [markdown]
# Of a dozen tunes only one or two are kept apart as *validation* tunes, on which the network is tested while it learns: their figure
# says little. Two of the sample tunes are written in 8/4 and 6/4: that is where such metres come from (`metre="4/4"` asks for another).

# %% [markdown]
# Let it go on from the first two bars of one of your tunes:

# %%
model.generate(primer=corpus.melodies()[0], primer_bars=2, bars=8, seed=2)

# %% [markdown]
# ## 4. Is it copied?
#
# The shipped model learned a thousand tunes before yours. Both are searched: the line names the nearest tune of all, mostly one of
# the thousand.

# %%
tunes = model.generate(n=8, bars=8, seed=5)
for tune, shared in zip(tunes, model.shared_runs([tune.melody for tune in tunes], corpus) or [], strict=False):
    print(f"{tune.melody.title}: {shared['notes']} notes in a row as in {shared['title'] or shared['source']}")

# %% [markdown]
# ✎ **Exercise.** Train for longer on these few tunes (`minutes=3`), and look at the numbers again. Why do they hardly change? At
# which length would you say that it copied? Is a scale of eight notes a copy?

# %% [markdown]
# <details><summary>Answer</summary>
#
# Training stops when several checks in a row have brought no gain on the tunes that are kept apart, and the best check is kept:
# that is what keeps it from learning a few tunes by heart. A new tune shares four to eight notes in a row with the nearest of a
# thousand tunes in its style; twelve or more are a quotation that a listener recognises. A scale is common property, so look at what is shared, not only at how much.
# </details>

# %% [markdown]
# ### Next
#
# 3. [Ways of writing notes down](representations.ipynb)

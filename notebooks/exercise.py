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
# # Make some music with an RNN
#
# In this notebook you train a small recurrent network on a small collection of tunes, and let it compose. It reads a tune
# as a row of symbols and learns which symbol comes next, as a *char-RNN* learns text letter by letter. You will see every
# tune as a staff and as a piano roll, hear it, and look inside the network while it works.
#
# You need: a laptop without a GPU, and half an hour; the machine itself works for about three minutes. Click on a cell and press Shift+Enter to run it and go to the next; run
# them from the top, in their order. Exercises are marked ✎. Think first: the answer lies folded under the heading
# **Answer**. A click on "cell hidden" (in Colab on the triangle beside the heading) opens it, and so does Shift+Enter; to
# leave it shut, click on the cell after it.

# %%
import inspect
import os
import sys

import numpy as np

import ritornello as rito

QUICK = bool(os.environ.get("RITORNELLO_QUICK"))  # a tenth of the minutes, to check that the notebook runs
MINUTES = 0.1 if QUICK else 1.0

# %% [markdown]
# ## 1. A tune as a row of numbers
#
# Here is a tune that you may know. Press play.

# %%
hymns = rito.load_corpus("hymns")
silent_night = next(melody for melody in hymns.melodies() if melody.title == "Silent Night")
silent_night

# %% [markdown]
# A network needs numbers. The oldest way to write a melody for one cuts time into sixteenths and writes one whole number for
# each:
#
# | number | means |
# | --- | --- |
# | 0 to 127 | a note of this MIDI pitch starts (60 is middle C, and each semitone higher is one more) |
# | 128 | nothing happens: the note goes on, or the silence does |
# | 129 | a rest begins (a new note ends the one before by itself) |
#
# These are 130 symbols, and a tune is a row of them. (Programs say *token* for a symbol; you will meet the word below.)

# %%
from ritornello.encoding import Grid

grid = Grid(plain=True)
tokens = grid.encode(silent_night).tokens
print(len(tokens), "symbols, the first four bars:")
for bar in range(4):
    print(" ".join(f"{token:3d}" for token in tokens[12 * bar : 12 * bar + 12]))  # 3/4: twelve sixteenths a bar

# %% [markdown]
# ✎ **Exercise.** What do the first six symbols say? Write the first bar of a tune of your own as twelve or sixteen numbers,
# and listen to it: make a new cell (Esc, then the key B), and in it `my_bar = [60, 128, ...]`, then `grid.decode(np.array(my_bar))`. It is
# shown in 4/4, since these symbols do not know the metre.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
# A dotted eighth, a sixteenth and an eighth: a symbol starts each note, and 128 lets it go on.
my_bar = [60, 128, 128, 128, 62, 128, 128, 128, 64, 128, 128, 128, 60, 128, 129, 128]
grid.decode(np.array(my_bar))

# %% [markdown]
# ### There and back
#
# A way of writing tunes as symbols is called an *encoding*. Written and read again, the tune must be the same. This is the
# first thing to check of any encoding:

# %%
again = grid.decode(tokens)
[note.pitch for note in again.notes] == [note.pitch for note in silent_night.notes]

# %% [markdown]
# ## 2. The corpus
#
# A *corpus* is a collection of tunes. The program comes with 1,269 tunes, 249 of them hymns, all free to use. Most are
# *training* tunes, from which the network learns. Some are kept apart: it never learns from the *validation* tunes, which
# tell us when to stop, nor from the *test* tunes, which tell us at the end how good it is.

# %%
hymns

# %%
from ritornello.training import corpus_tokens

train, validation = (corpus_tokens(hymns, grid, split) for split in ("train", "validation"))
print(f"{len(train)} tunes to learn from, {len(validation)} to validate")

# %% [markdown]
# How often does each symbol come? The rows of `#` are logarithmic: each further `#` means about a fifth more.


# %%
def log_histogram(rows, width=60):
    """Print how often each symbol comes, on a logarithmic scale."""
    counts = np.bincount(np.concatenate(rows), minlength=130)
    for token in np.flatnonzero(counts):
        bar = "#" * round(width * np.log1p(counts[token]) / np.log1p(counts.max()))
        print(f"{token:4d} {counts[token]:7,d} {bar}")
    return counts


counts = log_histogram(train)

# %% [markdown]
# ✎ **Exercise.** Which share of all symbols is 128? A network that always said "128" would be right so often. Is it a good
# network? How would you measure one instead?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
print(
    f"128 is {counts[128] / counts.sum():.0%} of all symbols, and a network that only says 128 plays nothing at all."
)
print(
    "So do not count how often it is right. Ask how well it guesses a whole tune, and divide by the notes of the tune."
)
print("The unit is the bit, one question with the answer yes or no: a note of 4 bits is as hard to guess as one of")
print("16 equal cards, a note of 3 bits as one of 8. These are the bits per note that you will see below.")

# %% [markdown]
# ## 3. What the network reads: streams
#
# Tunes are laid end to end in a few streams, which are read side by side. At each step the network sees one symbol and must
# predict the next, its *target*; so each symbol is a target once, and a chunk of 12 steps of 4 streams asks for 48
# predictions. Which tune stands where is drawn by chance; `seed` says where chance begins: the same seed gives the same
# streams again, and the same tunes from the same model. (A training that is over after so many minutes learns more on a faster
# machine.)

# %%
from ritornello.training import Streams

streams = Streams(train, grid, streams=4, seed=1)
chunk = streams.chunk(12)
print("inputs ", chunk.inputs.shape, "(streams, steps, parts of a symbol: one here, two in section 8)")
print("targets", chunk.targets.shape)
print("stream 0 reads    ", chunk.inputs[0, :, 0])
print("stream 0 predicts ", chunk.targets[0, :, 0])

# %% [markdown]
# 130 is "nothing yet", which stands before a tune. The next chunk goes on where
# this one stopped, and the network keeps what it remembers between the two: its *state*.
#
# ✎ **Exercise.** Look at the two rows again. What is the relation between them?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
# The targets are the inputs one step later. (A target below 0 would be one that does not count.)
print((chunk.inputs[0, 1:, 0] == chunk.targets[0, :-1, 0])[chunk.targets[0, :-1, 0] >= 0].all())

# %% [markdown]
# ## 4. The network
#
# It has three stages: an *embedding* turns the symbol into a vector (a row of numbers), two layers of *LSTM* ("long short-term
# memory": units that can keep a number for as long as it matters) combine it with what they remember, and a *softmax* turns
# the result into 130 probabilities, which add up to 1. Here is one step of it, the very code that composes below: `_entry`
# looks up the embedding and multiplies it already by the weights of the first layer (three gates and a candidate, of 256 units each: 1,024 numbers), `_cell` is
# one layer; the lines with `_mix` and `_attention` are for other models.

# %%
from ritornello.model.lstm import NumpyLstm

print(inspect.getsource(NumpyLstm.feed))

# %% [markdown]
# Watch one step of the shipped model `grid`, which has the same network and 15 symbols more, for metres and the end of a
# tune. Python prints the name of each function of `lstm.py`, where this code stands, as it returns, and the shape of what it returns: a vector of the
# network is 256 numbers wide, and each layer computes four rows of that width: three *gates*, which say what to forget, what to
# take in and what to show, and what there is to take in. The *logits* are the scores of the symbols before the softmax. The last
# cell of this section lists the *weights*: all numbers that training changes (`start` is the state before the first symbol). The
# code only lets Python tell what it does: read what it prints.

# %%
model = rito.load_model("grid")
network, vocabulary = model.network, model.encoding.vocabulary


def shapes(value):
    """Name the shapes of arrays in a value."""
    if isinstance(value, np.ndarray):
        return str(value.shape)
    return (
        "(" + ", ".join(shapes(part) for part in value if part is not None) + ")" if isinstance(value, tuple) else ""
    )


def watch(frame, event, value):
    """Print the name of each function of the network as it returns, and the shape of its value."""
    if event == "return" and frame.f_code.co_filename.endswith("lstm.py"):
        print(f"{frame.f_code.co_name:10} {shapes(value)}")


state = network.start(1)
sys.setprofile(watch)
state = network.feed(np.array([vocabulary.size]), state)  # "nothing yet"
logits = network.logits(state)
sys.setprofile(None)

# %%
from ritornello.model.network import probabilities

first = probabilities(logits)[0]
print("the likeliest first symbols:")
for token in first.argsort()[::-1][:5]:
    print(f"{vocabulary.name_of(int(token)):12} {first[token]:.0%}")
for name, tensor in model.file.tensors.items():
    print(f"{name:18} {tensor.shape!s:14} {tensor.size:9,d} weights")

# %% [markdown]
# ## 5. Train
#
# Now train a network of your own on the hymns, in the 130 symbols. The curve is drawn while it learns. What the words below
# it mean:
#
# | word | means |
# | --- | --- |
# | bits per note | how hard a note was to guess; fewer are better, one bit fewer is half as hard |
# | training | of the tunes that it learns from, measured while it learns, which makes it harder: with these 130 symbols it lies above validation for the whole minute |
# | validation | of tunes that it never learns from: this is the one to look at |
# | n-gram | of a simple rival without a network, which only counts which symbols followed which; the dashed line |
# | epoch | how often it has read all training tunes; "epoch 3" is three times |
# | tokens/s | symbols that it learns in a second: how fast your machine is |
# | sure of its notes | which probability the network gave, on average, to the notes of the tune that it sings while it learns |
#
# On a slow machine the network needs a while to pass the n-gram: most of its steps are spent on 128 (section 8 goes on from
# there). Below the curve a line or two say what the program makes of it. The second picture is the finished `run`, which shows
# itself wherever you name it.

# %%
run = rito.train("hymns", encoding="grid", plain=True, minutes=MINUTES, seed=1)
run

# %% [markdown]
# You need not read every line of the code below. What happens in one update is this: predict a chunk, measure how wrong the predictions were, and change each weight a little
# so that they would have been better. (*Dropout* switches parts of the network off by chance, so that it does not rely on
# single ones; *nats* are bits of another size: 1 nat is 1.44 bits.)

# %%
from ritornello.training import NumpyEngine

print(inspect.getsource(NumpyEngine.update))

# %% [markdown]
# ✎ **Exercise.** Train for longer, as long as you have time for, with `rito.train(out=run.folder, resume=True, minutes="+1")`: in the end the training curve keeps falling, but the validation
# curve turns (in section 8 you see it within a minute). Why? Which of the two should decide when to stop?

# %% [markdown]
# <details><summary>Answer</summary>
#
# From some point on the network learns the training tunes by heart, which helps with them and hurts with all others: it
# *overfits*. The validation tunes decide, since the network never learned from them. The program keeps the weights of the best
# check, not the last.
# </details>

# %% [markdown]
# ## 6. Sample, see, hear, save
#
# To compose, the network is asked for the probabilities of the next symbol, one is drawn, and it is fed back as if it had been
# read.

# %%
mine = rito.load_model(run)
player = mine.player()
rng = np.random.default_rng(1)
symbols = []
for _ in range(64):
    token = int(rng.choice(130, p=player.ask()))
    player.feed(token)
    symbols.append(token)
print(symbols)

# %% [markdown]
# That is all. `generate` does the same with dice of its own, keeps to a number of bars, guesses metre and key afterwards, and shows
# the result. Colours say how surprising each note was to the network, from blue (expected) to red. A click on the number of a bar
# tells how to have this bar rewritten; the notebook `instrument` tries it.

# %%
tune = mine.generate(bars=8, seed=1)
tune

# %% [markdown]
# Save it, to open it in another program: the file lies beside this notebook. A file that is there already is kept, unless you
# say `replace=True`.

# %%
tune.save("my_tune.mid", replace=True)  # or .musicxml .abc .svg .wav .mp3 .html

# %% [markdown]
# **Temperature.** The probabilities may be sharpened before the draw (temperature below 1: the likely becomes likelier) or
# flattened (above 1). Listen to three of them, with the same seed, so that chance is the same:

# %%
rito.Gallery({f"temperature {t}": mine.generate(bars=8, seed=3, temperature=t) for t in (0.5, 1.0, 1.4)})

# %% [markdown]
# ✎ **Exercise.** What is wrong with the first, and with the last? What happens at temperature 0, and why are two tunes of different seeds equal there?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
# Cold tunes hardly move, since 128 is the likeliest symbol nearly everywhere; hot ones wander. At 0 the likeliest symbol is
# always taken, so chance has no part.
cold = [mine.generate(bars=4, seed=seed, temperature=0.0) for seed in (1, 2)]
print(cold[0].melody.notes == cold[1].melody.notes)

# %% [markdown]
# ## 7. How good is it?
#
# Bits per note on the test tunes: fewer are better. An n-gram stands beside it, here one that counts pairs of pitch and
# duration.

# %%
scores = mine.evaluate("hymns", baselines=True)
print(f"the network {scores['bits_per_note']:.2f} bits per note")
print(f"an n-gram   {scores['baselines']['ngram_pairs']['bits_per_note']:.2f}")

# %% [markdown]
# Did it copy? The longest run of notes that the tune shares with any tune it learned, in any key:

# %%
[shared] = mine.shared_runs([tune.melody], hymns)
print(shared["notes"], "notes of", shared["title"])

# %% [markdown]
# ✎ **Exercise.** Is that much? Compare with the tunes that people wrote: how long are the runs that test tunes share with
# training tunes?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
people = [run["notes"] for run in mine.shared_runs(list(hymns.melodies("test")), hymns)]
print("half of the test tunes share", int(np.median(people)), "notes or more; the longest run has", max(people))

# %% [markdown]
# ## 8. A better way of writing notes
#
# Most of the symbols above are 128, and the network spends its steps, and its memory, on counting them. The default encoding
# writes *notes* instead: metre and key first (key 10 is B flat, counted from C as 0; the program's number 5 is the octave of the key note, from C3 to B3), then for each note its
# distance in semitones from a tone six below the key note (`offset 6` is the key note itself, 13 the fifth above it), and how many
# quarters it lasts. Both symbols of a note are one step of the
# network, which is also told where in the bar it stands. It has a *memory* besides: it looks up what followed the last notes
# earlier in this tune, and in the training tunes. (`memory="none"` takes it away; the notebook `representations` does.) The same
# tune:

# %%
print(len(tokens), "symbols of the grid")
interval = rito.load_model().encoding
print(len(interval.encode(silent_night).tokens), "symbols of the default:")
print(interval.vocabulary.spell(interval.encode(silent_night).tokens[:16]))

# %%
better = rito.load_model(rito.train("hymns", minutes=MINUTES, seed=1))
print(f"{better.evaluate('hymns')['bits_per_note']:.2f} bits per note, the grid {scores['bits_per_note']:.2f}")

# %% [markdown]
# Bits per note can be compared between encodings, since both pay for the same notes (though 130 symbols spend nothing on metre and
# end, which the others name): this network guesses better after the
# same time, by its way of writing and by its memory. But look at the curve. It soon reaches its best, and then validation turns, as the exercise of section 5 says:
# 249 hymns are few for a network of this size. The best check is kept, so nothing is lost.
#
# Here are a tune of each, with the same seed. Which of the two sounds more like a hymn, and by what do you hear it?

# %%
rito.Gallery({"in 130 symbols": tune, "in notes": better.generate(bars=8, seed=1)})

# %% [markdown]
# ## What was wrong in the exercise that this grew out of
#
# This notebook grew out of an older one, "Make some music with an RNN". That is a good exercise, and its faults, which are mended
# here, are instructive. How would one notice each?
#
# | fault | how one notices |
# | --- | --- |
# | Its text says 128 is "nothing" and 129 "off"; the data has them the other way round | count: "nothing" must be by far the commoner |
# | Training and validation windows overlap, so validation tunes are learned by heart | validation that still does not turn, however long it trains, is too good to be true; split whole tunes, and families of variants together |
# | Windows of 30 steps are shorter than two bars: nothing can return after four | ask how far back the network can see |
# | Each window predicts one symbol: thirty times the work for each lesson | count predictions per second |
# | Notes shorter than a sixteenth overwrite each other, opening rests vanish | write, read again, compare |
# | Files that cannot be read are skipped in silence | count what went in and what came out |
# | No test tunes, no seed | run it twice |
#
# ✎ **Last questions.** Who composed the tune: you, the program, or those who wrote the hymns? What would you need to change so
# that you would sign it?
#
# **Next:** 2. [your own tunes](your_own_tunes.ipynb) · 3. [better representations](representations.ipynb) ·
# 4. [an instrument](instrument.ipynb)

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
# # Call and response
#
# A model that answers is half of an instrument. You give it a phrase, typed, from a MIDI file, or clicked on a row of buttons, and it
# goes on.

# %%
import ritornello as rito

model = rito.load_model()

# %% [markdown]
# ## 1. A phrase typed
#
# Notes are named with their octave, and a length in quarters after a colon: `A4:1/2` is an eighth, `Bb4` and `F#4` have signs, `r:1`
# is a rest. Your call is the *primer*: `bars` counts call and answer together, and `without_primer` leaves the call out. A network
# that you trained with `out="my-run"` plays here after `model = rito.load_model("my-run")`; the exercise's own, in 130 symbols,
# knows no chords: for section 5 take the shipped one again.

# %%
call = "G4 A4 B4 D5 B4 A4 G4:2"
model.generate(primer=call, bars=4, seed=1)

# %%
model.generate(primer=call, bars=4, seed=1, without_primer=True)

# %% [markdown]
# ## 2. A phrase from a file
#
# The melody of the file is taken; a warning says how many notes of its accompaniment are left out.

# %%
rito.samples("sample_tunes")
model.generate(primer="sample_tunes/ode-to-joy-played.mid", primer_bars=2, bars=6, seed=3)

# %% [markdown]
# ## 3. What it expects while you play
#
# `player` is the model as an instrument sees it: `feed` it what was played, `ask` for what may come next. One call takes well under
# a millisecond, so there is time for it between two notes.

# %%
encoding = model.encoding
phrase = model.generate(primer=call, bars=3, seed=1).melody
tokens = encoding.encode(phrase).tokens
player = model.player()
for token in tokens[: 2 * (len(tokens) // 4)]:
    expected = player.ask()
    rank = int((expected > expected[token]).sum()) + 1
    print(f"{encoding.vocabulary.name_of(int(token)):24} probability {expected[token]:.2f}, rank {rank}")
    player.feed(int(token))

# %% [markdown]
# ## 4. A phrase on buttons
#
# Run the cell below. Where widgets run (JupyterLab, Notebook 7, VS Code, Colab) a row of buttons appears: click a phrase, note
# by note, and then "answer". The buttons themselves make no sound, and a phrase of so many notes has one answer: for another
# one change `seed=len(played)` in the cell, and run it again.

# %%
try:
    import ipywidgets as widgets
except ImportError:
    print("no widgets here: pip install ipywidgets")
else:
    from IPython.display import display

    played = []
    shown = widgets.Output()
    label = widgets.Label("your phrase: ")

    def press(name):
        """Add a note to the phrase."""
        played.append(name)
        label.value = "your phrase: " + " ".join(played)

    def answer(_):
        """Show and play the model's answer to the phrase."""
        shown.clear_output()
        with shown:
            bars = 4 - (-len(played) // 4)  # four more than the phrase fills
            display(model.generate(primer=" ".join(played) or "C4", bars=bars, seed=len(played)))

    def forget(_):
        """Begin a new phrase."""
        played.clear()
        label.value = "your phrase: "

    keys = []
    for name in ("C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5"):
        key = widgets.Button(description=name, layout=widgets.Layout(width="3.4em"))
        key.on_click(lambda _, name=name: press(name))
        keys.append(key)
    go = widgets.Button(description="answer", button_style="success")
    go.on_click(answer)
    again = widgets.Button(description="begin anew")
    again.on_click(forget)
    display(widgets.VBox([widgets.HBox(keys), widgets.HBox([go, again]), label, shown]))

# %% [markdown]
# ✎ **Exercise.** `answer = model.generate(primer=call, bars=4, seed=1, without_primer=True)` is the model's answer to your call.
# Let the model answer this answer in its turn. Then turn the first answer upside down, so that each step up becomes a step down,
# and listen to it (`note._replace(pitch=60)` is the same note at another pitch; after `from dataclasses
# import replace`, `replace(answer.melody, notes=tuple(notes))` is a melody of other notes, which shows itself). Which of the three would you call a partner, and why?

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
from dataclasses import replace

answer = model.generate(primer=call, bars=4, seed=1, without_primer=True)
in_turn = model.generate(primer=answer, bars=8, seed=2, without_primer=True)
start = answer.melody.notes[0].pitch
turned = [note._replace(pitch=2 * start - note.pitch) for note in answer.melody.notes]  # start + 3 becomes start - 3
upside_down = replace(answer.melody, notes=tuple(turned))
rito.Gallery({"answer": answer, "answer to the answer": in_turn, "upside down": upside_down})

# %% [markdown]
# ## 5. Say what you want
#
# A tune can follow chords. They stand above the staff, and you hear them under the melody:

# %%
chords = "C | Am | F | G7 | C | Am | F G7 | C"
model.generate(chords=chords, comp="broken", seed=1)

# %% [markdown]
# ✎ **Exercise.** How many of the notes that begin together with a chord belong to it? (Bar 7 has two chords.)

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
line = model.generate(chords=chords, seed=1).melody
sounding = dict(line.chords)
first_notes = [(note, sounding[note.start]) for note in line.notes if note.start in sounding]
print(sum(note.pitch % 12 in chord.pitch_classes for note, chord in first_notes), "of", len(first_notes))

# %% [markdown]
# ### A form
#
# A tune can have a form too: here a section (A), a variant of it that closes (A'), something else (B), and the variant once more.
# Bars that return are mostly blue: the network, like a listener, knows them by then.

# %%
tune = model.generate(form="AA'BA'", seed=7)
tune

# %% [markdown]
# ### New bars
#
# Do you like all of it but two bars? Click the numbers of the first and the last of them below the roll: a line such as
# `tune.rewrite(bars=(9, 10))` appears; copy it into a new cell (`tune` stands for the name that you gave yours). In a
# rewritten tune the first note also pays for metre and key, and the last for the end: their colours say little. Here are two
# versions of bars 9 and 10:

# %%
tune.rewrite(bars=(9, 10), n=2)

# %% [markdown]
# ### Several at once
#
# Compose several and keep the best. With `best_of=4` each of the three is already the best of four drafts. `keep` writes the
# numbers of those that you keep into `kept.jsonl`, beside this notebook; `write_page` makes a page on which you choose by clicks.
# Open it from the folder, or in JupyterLab by a double click on its name and then on **Trust HTML**. Its last line is for a cell
# here, with the name of your list (`drafts`) in place of `tunes`. (`docs/control.md`, one folder above this notebook, has more.)

# %%
drafts = model.generate(n=3, bars=8, best_of=4, seed=5)
drafts

# %%
print("choose in a browser:", drafts.write_page("drafts.html", replace=True))
drafts.keep(1, 3)

# %% [markdown]
# ## 6. Live
#
# On a stage the model keeps your beat, answers in your rests, and shows what it is about to play: `ritornello jam`, in a terminal
# (in JupyterLab: File, New, Terminal; once before it `pip install ".[live]"` in the copy of the program), from the computer's
# keyboard or a MIDI keyboard (`docs/instruments.md`, one folder above this notebook). It does not hear a microphone. Here a tune plays your part and nobody waits for the
# clock: `rito.jam` hears it note by note, as it would hear you. The sound has both players; in this picture your part is red and the machine's is blue (in those of
# `docs/instruments.md` blue is you, and orange the machine). An answer may be your phrase almost
# unchanged, as a partner's sometimes is; `taboo=4` forbids it any four notes in a row of yours.

# %%
answered_to = model.generate(primer=call, bars=4, seed=1)
answered = rito.jam(model, play=answered_to, seed=1)
print(answered.summary)
for line in answered.lines:
    print(line)
answered

# %% [markdown]
# The same tune with a second line beneath it, by a flute (an alto flute, which goes down to G3). The machine hears a note when it is played, and never earlier.

# %%
duet = rito.jam(model, play=answered_to, mode="duet", low=55, high=71, program=73, seed=1)
print(duet.summary)
duet

# %% [markdown]
# ✎ **Exercise.** Let it play in your rests with `mode="fill"` (give it a phrase that has some: `play="G4 A4 B4:2 r:4 D5 B4 A4:2 r:4"`),
# or go on by itself with `mode="continue"`. Who leads in each? Turn a dial or two (`help(rito.jam)` lists them) and listen for what
# becomes of your part.

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### Answer

# %% tags=["hide-cell"]
with_rests = model.generate(primer="G4 A4 B4:2 r:4 D5 B4 A4:2 r:4 G4:4", bars=6, seed=1)
filled = rito.jam(model, play=with_rests, mode="fill", seed=1)
wild = rito.jam(model, play=answered_to, mode="continue", temperature=1.4, phrase=0.3, answer_bars=4, seed=1)
for performance in (filled, wild):
    print(performance.summary)
rito.Gallery({"fill": filled, "continue": wild})

# %% [markdown] jp-MarkdownHeadingCollapsed=true
# #### And in words

# %% [markdown]
# With `fill` you lead: it plays where you rest and falls silent when you come back. With `continue` it leads once you stop, and
# goes the further from your phrase, the higher `temperature` and the smaller `phrase`, the weight of what you have played.

# %% [markdown]
# ### Next
#
# `docs/instruments.md`, one folder above this notebook, goes on from here to keyboards, knobs and the stage. 5. [Measuring melodies](research.ipynb)

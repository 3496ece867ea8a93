"""The Python face: one function for each verb of the command; handles show themselves in a notebook.

import ritornello as rito
corpus = rito.build_corpus("my_midi_folder")
run = rito.train(corpus, minutes=3)
model = rito.load_model(run)
tune = model.generate(bars=8, primer="C4 E4 G4", seed=1)
"""

# ruff: noqa: F401 - `ritornello` and the command take these names from here

from ritornello.api.corpora import (
    build_corpus,
    corpus_families,
    explain_file,
    export_corpus,
    load_corpus,
    samples,
    show_corpus,
)
from ritornello.api.demonstration import DEMO_MINUTES, demo
from ritornello.api.folds import cross_validate
from ritornello.api.harmony import FOUR_VOICES, Harmony, harmonise, paths_of
from ritornello.api.kits import kit
from ritornello.api.live import Jam, jam, replay
from ritornello.api.model import Model, Run, load_model, models
from ritornello.api.run import OpenRun, estimate_dict, estimate_training, open_run, runs, train
from ritornello.api.show import from_music21, play, read, render_file
from ritornello.api.tunes import Tune, acceptance
from ritornello.api.voting import STYLE as VOTE_STYLE
from ritornello.api.voting import count_votes, vote

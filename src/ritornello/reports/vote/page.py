"""Make one offline page on which a listener compares tunes of several models, two at a time, without their names.

The questions are a critic's, about liking and about style: whether a person or a machine made a tune is not asked,
since that measures a listener's skill at guessing and says nothing of the tune.
Source: Ariza 2009, "The Interrogator as Critic: The Turing Test and the Evaluation of Generative Music Systems",
Computer Music Journal 33(2).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files as package_files

from ritornello.render.page import document

FORMAT = "ritornello vote 1"
QUESTIONS = ("liking", "style")


def vote_html(tunes: Mapping[str, Sequence[bytes]], pairs: int, style: str, title: str) -> str:
    """Make the page of a vote, a whole HTML document that fetches nothing.

    tunes: for each model the MP3 files of its tunes, at least one. pairs: how many each voter hears. style: what the
    tunes are to sound like, as words that end the question "Which is nearer to ...".
    Names of models are not shown; they lie encoded in the page and come with the voter's file.
    """
    sounds = {name: [b64encode(sound).decode() for sound in theirs] for name, theirs in tunes.items()}
    vote = {"format": FORMAT, "pairs": pairs, "style": style, "models": sounds}
    text = json.dumps(vote, sort_keys=True)
    vote["vote"] = sha256(text.encode()).hexdigest()[:16]
    data = b64encode(json.dumps(vote).encode()).decode()
    values = {"title": escape(title), "question": escape(style), "data": data}
    body = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], _text("vote.html"))
    return document(title, "page", body, _text("vote.css"), _text("vote.js"))


def _text(name: str) -> str:
    return (package_files("ritornello.reports.vote") / "web" / name).read_text("utf-8")

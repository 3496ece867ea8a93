"""The page on measuring: its code runs as it stands, and what it prints is what the page says."""

import math
import re

import pytest

import ritornello as rito


def test_the_page_runs_from_its_first_line_to_its_last(repo_root, capsys):
    pytest.importorskip("pandas", reason="needs pandas: pip install pandas")
    page = (repo_root / "docs/research.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    code = "\n".join(blocks).replace("minutes=1", "updates=2, threads=1, checks=1, engine='numpy'")
    names: dict = {}
    exec(compile(code, "docs/research.md", "exec"), names)
    assert capsys.readouterr().out
    model, melody, notes = names["model"], names["melody"], names["notes"]
    assert notes["pitch"].tolist() == [note.pitch for note in melody.notes]
    listed = [t for t in names["scores"]["per_tune"] if t["source"] == melody.source]
    assert notes["bits"].sum() * math.log(2) == pytest.approx(listed[0]["nats"], rel=1e-5)
    low, high = names["scores"]["bits_per_note_interval"]
    assert low < names["scores"]["bits_per_note"] < high
    assert [other["difference"]["bits_per_note"] for other in names["compared"]["beside"]] == [0, 0]
    corpus = rito.load_corpus("hymns")
    assert len(names["folds"]["per_tune"]) == len(corpus.melodies())
    assert len(names["table"]) == corpus.counts()["all"]["notes"]
    columns = set(re.findall(r"`(\w+)`", page[page.index("| column") : page.index("With `grid`")]))
    assert columns == set(model.surprise(melody).dtype.names)

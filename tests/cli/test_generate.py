"""`generate` writes what is asked for, says in each file how it was composed, and goes on from a song."""

import html
import io
import json
import re
from pathlib import Path

import pytest
import soundfile
from outputs import names_in

import ritornello as rito
from ritornello.cli.console import late_bar
from ritornello.music.files import read

FORMATS = ("mid", "musicxml", "abc", "wav", "html", "svg")


def in_quarters(notes, quarter: int) -> list[tuple[float, float, int]]:
    return [(n.start / quarter, n.duration / quarter, n.pitch) for n in notes]


@pytest.fixture(scope="module")
def written(tmp_path_factory, little_model) -> Path:
    """A tune in every format, of a melodic program."""
    from ritornello.cli import main

    out = tmp_path_factory.mktemp("tunes")
    kinds = [word for kind in FORMATS[:3] for word in ("-f", kind)] + ["-f", ",".join(FORMATS[3:])]
    options = ["--seed", "7", "--bars", "3", "--temperature", "0.9", "--key", "G", "--program", "40"]
    assert main(["generate", str(little_model), "-o", str(out), *kinds, *options]) == 0
    return out


def text_of(path: Path) -> str:
    """What a file says in words, whatever it is."""
    if path.suffix == ".wav":
        with soundfile.SoundFile(path) as file:
            return f"{file.title} {file.comment}"
    return html.unescape(path.read_bytes().decode("utf-8", "replace"))


def test_every_format_is_written_under_one_name(written):
    assert names_in(written) == sorted(f"seed7-001.{kind}" for kind in FORMATS)


@pytest.mark.parametrize("kind", FORMATS[:5])
def test_each_file_has_title_and_origin(written, little_model, kind):
    text = text_of(written / f"seed7-001.{kind}")
    assert "Seed 7, tune 1" in text
    assert f"composed by {little_model.name} (sha256 " in text
    assert "seed 7, tune 1, --bars 3 --temperature 0.9 --key G" in text
    assert str(little_model.parent) not in text


@pytest.mark.parametrize("kind", ["musicxml", "abc"])
def test_scores_name_the_part_and_the_program(written, kind):
    text = text_of(written / f"seed7-001.{kind}")
    assert {"musicxml": "<part-name>Melody</part-name>", "abc": 'V:1 name="Melody"'}[kind] in text
    assert {"musicxml": "<midi-program>41</midi-program>", "abc": "%%MIDI program 40"}[kind] in text


def test_midi_names_the_part_and_the_program(written):
    mido = pytest.importorskip("mido")
    messages = list(mido.MidiFile(written / "seed7-001.mid").tracks[0])
    assert [m.name for m in messages if m.type == "instrument_name"] == ["Melody"]
    assert [m.program for m in messages if m.type == "program_change"] == [40]


@pytest.mark.parametrize("kind", ["mid", "musicxml", "abc"])
def test_what_a_file_says_changes_no_note(written, little_model, kind):
    tune = rito.load_model(little_model).generate(seed=7, bars=3, temperature=0.9, key="G")
    [piece] = read(written / f"seed7-001.{kind}")
    assert in_quarters(piece.parts[0].notes, piece.timeline.ticks_per_quarter) == in_quarters(tune.melody.notes, 480)
    assert (piece.title, piece.parts[0].syllables) == ("Seed 7, tune 1", 0)
    assert not piece.is_counted


@pytest.mark.parametrize("kind", ["musicxml", "abc"])
def test_music21_reads_the_same_part(written, kind):
    music21 = pytest.importorskip("music21")
    [piece] = read(written / f"seed7-001.{kind}")
    stream = music21.converter.parse(written / f"seed7-001.{kind}").stripTies()
    assert [n.offset for n in stream.flatten().notes] == [
        start for start, *_ in in_quarters(piece.parts[0].notes, 480)
    ]


def test_json_names_every_file(command, little_model, tmp_path):
    made = json.loads(command("generate", little_model, "-o", tmp_path, "-f", "mid,abc", "--bars", 2, "--json").out)
    assert [Path(path).suffix for path in made[0]["paths"]] == [".mid", ".abc"]
    assert made[0]["path"] == made[0]["paths"][0]


def test_shared_runs_are_looked_for_once_also_for_pages(command, little_model, tmp_path, monkeypatch):
    looked, real = [], rito.Model.shared_runs
    monkeypatch.setattr(rito.Model, "shared_runs", lambda *given: looked.append(given) or real(*given))
    for kind in ("html", "mid"):
        looked.clear()
        assert command("generate", little_model, "-o", tmp_path / kind, "-f", kind, "--bars", 2, "-n", 2).status == 0
        assert len(looked) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [(("-f", "doc"), "there is no format 'doc'; choose mid,"), (("--program", "128"), "program must be 0 to 127")],
)
def test_what_cannot_be_written_is_refused_before_anything_is(command, little_model, tmp_path, words, message):
    said = command("generate", little_model, "-o", tmp_path / "out", *words)
    assert (said.status, said.err.count("\n")) == (1, 1)
    assert message in said.err
    assert not (tmp_path / "out").exists()


def test_many_notes_may_be_a_primer(little_model):
    tune = rito.load_model(little_model).generate(primer="C4:1/4 " * 100, bars=8, seed=1)
    assert [n.pitch for n in tune.melody.notes[:99]] == [60] * 99


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_somebody_changed_is_kept_in_every_format(little_model, command, tmp_path, kind):
    request = ["generate", little_model, "-o", tmp_path, "--seed", 1, "--bars", 2, "-f", f"mid,{kind}"]
    assert command(*request).status == 0
    changed = tmp_path / f"seed1-001.{kind}"
    changed.write_bytes(changed.read_bytes() + b"mine")
    said = command(*request, "--temperature", 0.5)
    assert (said.status, "has changed since ritornello made it" in said.err or kind != "mid") == (1, True)
    assert changed.read_bytes().endswith(b"mine")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_request_gives_the_same_bytes(written, little_model, tmp_path, kind):
    rito.load_model(little_model / "model.safetensors").generate(
        seed=7, n=2, bars=3, temperature=0.9, key="G", program=40, out=tmp_path, formats=kind
    )
    assert (tmp_path / f"seed7-001.{kind}").read_bytes() == (written / f"seed7-001.{kind}").read_bytes()


def test_a_title_holds_no_markup(written):
    assert re.search(r"<work-title>Seed 7, tune 1</work-title>", text_of(written / "seed7-001.musicxml"))


# the tunes that a model learned


FEW = ["--preset", "tiny", "--engine", "numpy", "--updates", "2", "--checks", "1", "--threads", "1", "--streams", "2"]


@pytest.fixture(scope="module")
def own_run(tmp_path_factory, hymn_corpus) -> Path:
    """A run on a corpus of one's own."""
    from ritornello.cli import main

    out = tmp_path_factory.mktemp("own") / "run"
    assert main(["train", str(hymn_corpus), "-o", str(out), *FEW, "--bptt-steps", "16", "-q"]) == 0
    return out


def test_the_longest_run_shared_with_tunes_of_ones_own_is_named(command, own_run, hymn_corpus, tmp_path):
    said = command("generate", own_run, "-o", tmp_path / "tunes", "--seed", 1, "-f", "mid,html", "--json")
    [tune] = json.loads(said.out)
    titles = {melody.title for melody in rito.load_corpus(hymn_corpus).melodies()}
    assert tune["shared_run"]["notes"] > 1
    assert tune["shared_run"]["title"] in titles
    page = html.unescape((tmp_path / "tunes" / "seed1-001.html").read_text("utf-8"))
    assert "longest run shared with a training tune" in page
    assert tune["shared_run"]["title"] in page


def test_a_melody_that_was_learned_is_found_whole(own_run, hymn_corpus):
    learned = rito.load_corpus(hymn_corpus).melodies("train")[0]
    [run] = rito.load_model(own_run).shared_runs([learned])
    assert (run["notes"], run["title"]) == (len(learned.notes), learned.title)


def test_where_the_tunes_are_gone_it_says_so_and_how_they_are_named(command, own_run, hymn_corpus, tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes((own_run / "model.safetensors").read_bytes())
    said = command("generate", model, "-o", tmp_path / "tunes", "--seed", 1)
    assert said.status == 0
    assert "is not checked: name their corpus (--corpus" in said.err
    assert "shared" not in said.out
    said = command("generate", model, "-o", tmp_path / "tunes", "--seed", 1, "--corpus", hymn_corpus)
    assert said.err == ""
    assert "longest run shared with a training tune" in said.out


def test_another_corpus_is_refused(own_run):
    with pytest.raises(ValueError, match="hymns: not a corpus that this model learned"):
        rito.load_model(own_run).shared_runs([], "hymns")


def test_a_fine_tuned_model_is_compared_with_the_tunes_of_both(own_run, tmp_path):
    few = {"updates": 1, "checks": 1, "threads": 1, "streams": 2, "bptt_steps": 16, "engine": "numpy"}
    tunes = [[60, 61, 66, 62, 69, 70, 60, 61], [72, 60, 71, 61, 70, 62, 69, 63], [60, 70, 61, 71, 62, 72, 63, 73]]
    run = rito.train(rito.build_corpus(tunes, tmp_path / "mine"), tmp_path / "run", base=own_run, **few)
    remarks = []
    assert rito.load_model(run).shared_runs([rito.load_corpus("hymns").melodies()[0]], on_remark=remarks.append)
    assert len(remarks) == 1  # of a corpus in memory nothing is known afterwards
    assert remarks[0].startswith("some of the tunes")


# a bar while it composes


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_appears_after_a_second_and_on_a_terminal_alone():
    now = [0.0]
    for stream, seconds, is_drawn in ((Screen(), 0.9, False), (Screen(), 1.1, True), (io.StringIO(), 9.0, False)):
        now[0] = 0.0
        with late_bar("composing", stream, clock=lambda: now[0]) as show:
            for share in (0.2, 0.6):
                now[0] += seconds / 2
                if show:
                    show(share)
        assert ("composing" in stream.getvalue()) == is_drawn


def test_a_bar_of_long_steps_appears_at_once():
    stream = Screen()
    with late_bar("folds", stream, after_seconds=0, clock=lambda: 0.0) as show:
        show(0)
        assert "folds" in stream.getvalue()


def test_nothing_is_drawn_beside_the_result(command, little_model, tmp_path):
    said = command("generate", little_model, "-o", tmp_path, "-n", 3, "--bars", 2, "-q")
    assert said.err == ""
    assert len(said.out.splitlines()) == 3


def test_progress_rises_to_the_end(little_model):
    shares: list[float] = []
    rito.load_model(little_model).generate(n=300, bars=4, seed=1, on_progress=shares.append)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_temperature_zero_says_that_its_tunes_are_one(command, little_model, tmp_path):
    done = command("generate", str(little_model), "-o", str(tmp_path), "-n", "3", "--bars", "2", "--temperature", "0")
    assert "these 3 tunes are one and the same" in done.err
    one = command("generate", str(little_model), "-o", str(tmp_path / "one"), "--bars", "2", "--temperature", "0")
    assert "one and the same" not in one.err


def test_draws_are_counted(command, little_model, tmp_path):
    asked = ["generate", str(little_model), "--bars", "2", "-n", "4", "--seed", "1", "--json"]
    found = json.loads(command(*asked, "-o", str(tmp_path)).out)
    assert [tune["draws"] for tune in found] == [1, 1, 1, 1]
    in_minor = command(*asked[:-1], "-o", str(tmp_path / "minor"), "--key", "Am")
    again = json.loads(command(*asked, "-o", str(tmp_path / "again"), "--key", "Am").out)
    draws = sum(tune["draws"] for tune in again)
    assert ("draws per tune" in in_minor.out) == (draws > 4)

"""The metre of one file of a folder is stated for that file alone, as the documents say."""

import ritornello as rito
from ritornello.music.files import write
from ritornello.music.values import Melody, Metre, Note, Timeline


def test_a_file_whose_bars_are_wrong_goes_back_among_the_others_in_its_metre(tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for number, name in enumerate(("march", "reel", "waltz")):
        pitches = [60 + (step * (number + 2)) % 12 for step in range(24)]
        notes = tuple(Note(480 * place, 480, pitch) for place, pitch in enumerate(pitches))
        write(Melody(notes, Timeline(480, 24 * 480, (Metre(0, 4, 4),)), name.capitalize()), folder / f"{name}.mid")
    corpus = rito.build_corpus(folder)
    assert {melody.timeline.metre.name for melody in corpus.melodies()} == {"4/4"}
    waltz = rito.build_corpus(folder / "waltz.mid", metre="3/4").melodies()
    others = [melody for melody in corpus.melodies() if not melody.source.endswith("waltz.mid")]
    rito.build_corpus([*others, *waltz], out=tmp_path / "mended")
    found = {melody.title: melody.timeline.metre.name for melody in rito.load_corpus(tmp_path / "mended").melodies()}
    assert found == {"March": "4/4", "Reel": "4/4", "Waltz": "3/4"}

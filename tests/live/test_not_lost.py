"""A performance that cannot be written where it was meant to go is not lost."""

import errno
import os
import re

import pytest

import ritornello as rito
from ritornello import atomic


def full(*arguments, **options):
    raise atomic.not_written("jam.mid", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


@pytest.mark.parametrize("session", [None, "evening.session"])
def test_where_the_disk_is_full_the_session_is_kept_and_named(session, little_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("ritornello.api.live.Jam.save", full)
        with pytest.raises(OSError, match=r"No space left.*; the performance lies in \S+\.session: ") as caught:
            rito.jam(little_model, play="C4 D4 E4 F4 G4 A4 G4 F4", seed=1, session=session, out="jam.mid")
    kept = re.search(r"lies in (\S+\.session):", str(caught.value))[1]
    assert rito.replay(kept, out=tmp_path / "jam.mid").piece.parts[0].notes
    assert session is None or kept == session
    if session is None:
        os.unlink(kept)


@pytest.mark.parametrize("option", ["out", "session", "save_preset"])
def test_a_place_that_takes_no_files_is_refused_before_a_note_is_played(option, little_model, tmp_path):
    (tmp_path / "file").touch()
    suffix = {"out": ".mid", "session": ".session", "save_preset": ".toml"}[option]
    heard = []
    place = {option: tmp_path / "file" / f"jam{suffix}"}
    with pytest.raises(OSError, match=rf"cannot be written .*file/jam{suffix}"):
        rito.jam(little_model, play="C4 D4 E4 F4", seed=1, on_line=heard.append, **place)
    assert heard == []

"""OSC: addresses, a server on loopback, and Pure Data at the other end."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from ritornello.live.dials import Dials
from ritornello.live.stage.osc import IN, OUT, OscIn, OscOut, OscSender, event_of, read_address
from ritornello.live.values import Event, State, Timing

osc_client = pytest.importorskip("pythonosc.udp_client", reason="needs python-osc")
PATIENCE = 20.0
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize(
    ("address", "values", "event"),
    [
        ("/ritornello/note", (60, 100), ("note_on", 60, 100, "")),
        ("/ritornello/note", (60.0, 0.0), ("note_off", 60, 0, "")),
        ("/ritornello/dial/temperature", (0.5,), ("dial", 0, 0.5, "temperature")),
        ("/ritornello/mode", ("duet",), ("dial", 0, "duet", "mode")),
        ("/ritornello/turn", (), ("turn", 0, 0, "")),
        ("/ritornello/tap", (1,), ("tap", 0, 0, "")),
        ("/ritornello/recall", ("first",), ("recall", 0, 0, "first")),
        ("/ritornello/preset", ("installation",), ("preset", 0, 0, "installation")),
        ("/ritornello/learn", ("density",), ("learn", 0, 0, "density")),
        ("/ritornello/control", (7, 100), ("control", 7, 100, "")),
        ("/ritornello/panic", (), ("panic", 0, 0, "")),
    ],
)
def test_messages_become_events(address, values, event):
    found = event_of(address, values, 2.0)
    assert (found.time, found.port) == (2.0, "osc")
    assert (found.kind, found.number, found.value, found.name) == event


@pytest.mark.parametrize(
    ("address", "values", "message"),
    [
        ("/ritornello/note", (60,), "/ritornello/note takes pitch velocity"),
        ("/ritornello/note", (128, 1), "takes pitch velocity .* not 128 1"),
        ("/ritornello/note", ("C4", 1), "takes pitch"),
        ("/ritornello/dial/temperature", (), "takes value: turn a dial; not nothing"),
        ("/ritornello/preset", (), "takes name"),
        ("/ritornello/solo", (), "there is no OSC address /ritornello/solo"),
        ("/other/note", (60, 1), "there is no OSC address /other/note"),
        ("/", (), "there is no OSC address"),
    ],
)
def test_what_is_not_understood_is_named(address, values, message):
    with pytest.raises(ValueError, match=message):
        event_of(address, values, 0.0)


def test_addresses_are_of_this_machine_unless_asked_otherwise():
    assert read_address("9000") == ("127.0.0.1", 9000)
    assert read_address("0.0.0.0:9000") == ("0.0.0.0", 9000)
    for wrong in ("", "host", "host:x", "70000"):
        with pytest.raises(ValueError, match="write HOST:PORT"):
            read_address(wrong)


def test_every_address_is_in_the_documentation():
    text = (EXAMPLES.parent / "docs" / "osc.md").read_text("utf-8")
    for address, meaning in {**IN, **OUT}.items():
        assert f"`{address}`" in text
        assert meaning in text


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def server():
    events = []
    opened = OscIn("0", events.append, lambda: 7.0)
    yield opened, events
    opened.close()


def test_the_server_hears_and_says_what_it_does_not_understand(server):
    opened, events = server
    client = osc_client.SimpleUDPClient("127.0.0.1", opened.port)
    client.send_message("/ritornello/note", [60, 100])
    client.send_message("/ritornello/nothing", [])
    wait_for(lambda: len(events) == 2)
    assert events[0] == Event(7.0, "note_on", 60, 100, port="osc")
    assert events[1].kind == "notice"
    assert "/ritornello/nothing" in events[1].name


def test_garbage_does_not_stop_the_server(server):
    opened, events = server
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for content in (b"", b"\xff" * 100, b"/ritornello/note\0\0\0\0,ii", b"#bundle\0"):
            other.sendto(content, ("127.0.0.1", opened.port))
    osc_client.SimpleUDPClient("127.0.0.1", opened.port).send_message("/ritornello/tap", [])
    wait_for(lambda: any(event.kind == "tap" for event in events))


def test_a_port_that_is_taken_is_named(server):
    opened, _ = server
    with pytest.raises(OSError, match=f"OSC cannot listen at 127.0.0.1:{opened.port}"):
        OscIn(str(opened.port), lambda event: None, lambda: 0.0)


def received(sock):
    from pythonosc.osc_message import OscMessage

    sock.settimeout(PATIENCE)
    message = OscMessage(sock.recv(4096))
    return message.address, list(message.params)


def test_states_and_notes_go_out():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        out = OscOut(address)
        dials = vars(Dials())
        state = State(0.0, 1.5, 1, 90.0, "4/4", "", True, "own tempo", "duet", "both", (), dials, 1.0)
        out.show(state, Timing())
        first = dict(received(sock) for _ in range(9 + len(dials)))
        assert first["/ritornello/beat"] == [1.5]
        assert first["/ritornello/mode"] == ["duet"]
        assert first["/ritornello/dial/temperature"] == [1.0]
        out.show(state._replace(dials=dials | {"temperature": 2.0}), Timing())
        second = dict(received(sock) for _ in range(10))
        assert [name for name in second if "/dial/" in name] == ["/ritornello/dial/temperature"]
        OscSender(address).send(b"\x91\x3c\x50")
        assert received(sock) == ("/ritornello/note", [60, 80, 1])


@pytest.mark.skipif(shutil.which("pd") is None, reason="needs Pure Data (Debian: apt install puredata-core)")
def test_pure_data_plays_and_hears(tmp_path):
    events = []
    opened = OscIn("0", events.append, lambda: 0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        back = free.getsockname()[1]
    patch = (EXAMPLES / "ritornello.pd").read_text("utf-8")
    path = tmp_path / "patch.pd"
    path.write_text(patch.replace("9000", str(opened.port)).replace("9001", str(back)))
    log = (tmp_path / "log").open("w+")
    pd = subprocess.Popen(
        ["pd", "-nogui", "-noaudio", "-stderr", "-send", "; ritornello-test bang", str(path)], stdout=log, stderr=log
    )
    try:
        wait_for(lambda: len(events) >= 3)
        assert [(e.kind, e.number, e.value, e.name) for e in events[:3]] == [
            ("note_on", 60, 100, ""),
            ("note_off", 60, 0, ""),
            ("dial", 0, 0.5, "temperature"),
        ]
        sender = OscSender(str(back))

        def is_heard():
            sender.send(b"\x90\x48\x50")
            time.sleep(0.05)
            log.seek(0)
            return "played: 72 80" in log.read()

        wait_for(is_heard)
    finally:
        pd.kill()
        pd.wait()
        opened.close()
        log.close()

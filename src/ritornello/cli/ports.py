"""ritornello ports: which MIDI ports there are, and what to do where there are none."""

from __future__ import annotations

from ritornello.cli.console import AsJson, Console


def ports(*, as_json: AsJson = False) -> None:
    """List the MIDI ports that the live instrument can listen to and play to.

    Where there are none, one line says what is wrong and what to do.
    It needs rtmidi2: pip install "ritornello[live]".

    Example: ritornello ports
    """
    from ritornello.live.stage.ports import describe_ports, find_backend

    found = find_backend()
    if found.fault and not as_json:
        raise OSError(found.fault)
    Console(as_json=as_json).result(found._asdict(), describe_ports(found))

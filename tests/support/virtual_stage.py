"""A stage on a virtual clock: it gives an engine its events, and plays what comes out as an output would."""

from ritornello.live.values import Event


def played(engine, events, until):
    """Hear the events and advance the engine as a runner would; return what it emitted, in order."""
    out = []
    for event in sorted(events, key=lambda event: event.time):
        step(engine, event.time, out)
        engine.hear(event)
        out += engine.advance(event.time)
    step(engine, until, out)
    return out


def step(engine, until, out):
    while (moment := engine.next_moment()) is not None and moment < until:
        out += engine.advance(moment)
    out += engine.advance(until)


def keys(*notes, qpm=60, velocity=80):
    """The player's events: (start, duration, pitch) in quarters."""
    events = []
    for start, duration, pitch in notes:
        events.append(Event(start * 60 / qpm, "note_on", pitch, velocity))
        events.append(Event((start + duration) * 60 / qpm, "note_off", pitch))
    return sorted(events, key=lambda event: (event.time, event.kind == "note_on"))


def sounded(events):
    """The notes that an output sounds: (on, off, pitch) in seconds, silences obeyed."""
    notes, waiting = [], []
    for event in events:
        if event.kind == "silence":
            for on, off, pitch in waiting:
                if on <= event.time:
                    notes.append((on, min(off if off is not None else event.time, event.time), pitch))
            waiting = []
        elif event.kind == "note_on":
            waiting.append([event.time, None, event.number])
        elif event.kind == "note_off":
            for note in waiting:
                if note[2] == event.number and note[1] is None:
                    note[1] = event.time
                    break
    assert all(off is not None for _, off, _ in waiting), waiting
    return sorted((round(on, 4), round(off, 4), pitch) for on, off, pitch in [*notes, *waiting])


def counted(engine, until):
    """Advance an engine as a runner would; return how many notes it began and ended."""
    ons = offs = 0
    while (moment := engine.next_moment()) is not None and moment < until:
        for event in engine.advance(moment):
            ons, offs = ons + (event.kind == "note_on"), offs + (event.kind == "note_off")
    return ons, offs

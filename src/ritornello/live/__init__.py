"""The live instrument: it hears, plans ahead, and plays together with a player.

An `Event` is all that is heard and all that is played. Its way through the room:

    stage/      ports, OSC, keyboard, clock sources: events with their times, in seconds, come in
    engine.py   one method per musical event; the time is given, never asked for
    beat.py     seconds to beats and back: own tempo, taps, MIDI clock, Link
    line/       the melody that player and model write together: what was heard is fed, what may follow is proposed
    ways/       the ways of playing: what both do now, who plays when; notes proposed, and those committed
    stage/      one process plays committed events at their times

Everything above `stage/` is a function of the events, the settings and the seed alone: hours of playing run in a test
in seconds, and a session is played again bit for bit. The engine does its work at moments of its own, in the order of
time; a call that comes late changes when a note sounds, never which note it is.
"""

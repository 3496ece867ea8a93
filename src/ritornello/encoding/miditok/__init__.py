"""MidiTok's tokenisers as encodings (an optional extra)."""

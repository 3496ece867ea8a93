"""The exercise's 130 symbols ("Make some music with an RNN", step 3), which begin the tables of all grids."""

NO_EVENT = 128
NOTE_OFF = 129
PLAIN_ROWS = (
    ("note_on", 128, "a note of this pitch starts; one that sounds ends"),
    ("no_event", 1, "what sounds goes on, silence goes on"),
    ("note_off", 1, "what sounds ends"),
)

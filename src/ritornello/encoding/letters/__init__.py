"""text: a melody as ABC notation, letter by letter, and the grammar that keeps it readable."""

"""A report of six files: two kept, one of them with a doubt, and four dropped."""

from ritornello.corpus.report import FileReport, dropped


def kept(path, notes=40, **more):
    return FileReport(path, "kept", "ok", pieces=1, melodies=1, notes=notes, **more)


REPORT = [
    kept("a.mid"),
    kept("b.mid", 60, warnings=(("unsure_pick", "part 1 52%, part 2 48%"),)),
    dropped("c.mid", "too_short", "3 notes"),
    dropped("d.mid", "too_short", "5 notes"),
    dropped("e.mid", "drums_only", "only percussion"),
    dropped("f.mid", "duplicate", "same tune as a.mid"),
]

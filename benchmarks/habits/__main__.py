"""Do composed tunes end and move as people's do? Composed tunes compared with people's test tunes."""

from __future__ import annotations

from benchmarks.report import arguments, tell

SHARES = ("tonic_endings", "long_endings", "ties", "long_repeats")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--model", default="hymns-and-songs")
    parser.add_argument("--melodies", type=int, default=200)
    options = parser.parse_args()
    from ritornello.api import load_corpus, load_model
    from ritornello.evaluate.novelty import longest_shared_runs
    from ritornello.evaluate.statistics import habits

    corpus, model = load_corpus("all"), load_model(options.model)
    composed = [tune.melody for tune in model.generate(n=options.melodies, seed=1)]
    people = [model.file.encoding.decode(model.file.encoding.encode(m).tokens) for m in corpus.melodies("test")]
    rows = []
    for name, melodies in (("composed", composed), ("people, test", people)):
        runs = sorted(run["notes"] for run in longest_shared_runs(melodies, corpus))
        shares = habits(melodies)
        rows.append(
            {"tunes": name, "number": int(shares["melodies"])}
            | {share: shares[share] for share in SHARES}
            | {"longest shared run, median": runs[len(runs) // 2], "largest": runs[-1]}
        )
    tell(rows, options.json, model=options.model)


if __name__ == "__main__":
    main()

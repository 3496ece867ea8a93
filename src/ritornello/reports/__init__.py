"""All that is shown of a corpus, a file or a run."""

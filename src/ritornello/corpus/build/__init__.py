"""Files to a corpus: read, pick, judge and store, by one process or many."""

"""Corpora: found, picked, judged, split by family, stored and searched for shared runs."""

"""Likeness of tunes: copies, variants, families, and splits that keep them together."""

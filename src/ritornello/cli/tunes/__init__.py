"""Verbs that go on from a tune: harmonise it, rewrite bars of it."""

"""Composing by the choice among continuations: curves over a tune, its beginning and end, and forms that return."""

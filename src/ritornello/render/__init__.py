"""Render: staff, piano roll, sound, the page and the notebook cell; knows music and plain arrays, nothing else."""

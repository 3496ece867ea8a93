"""Encodings of music as it is played: notes that begin and end at any moment, each as loud as it was."""

"""Ritornello: a melody RNN for workshops, musicians and melody researchers."""

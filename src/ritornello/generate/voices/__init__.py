"""Composing in four voices, and the rules of a theory class."""

"""Verbs that make tunes: generate them, harmonise one, rewrite bars of one."""

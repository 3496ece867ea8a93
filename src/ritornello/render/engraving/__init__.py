"""What a staff needs besides the engraver: readable values, breaks of systems, headings."""

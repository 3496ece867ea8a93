"""A listening vote: a page of blind pairs, and the sums of what voters answered."""

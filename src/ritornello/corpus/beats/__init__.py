"""The beats of a performance: where they lie, how they are counted in bars, and how sure that is."""

"""A plan against the log of a run: whether the run followed it, where it left it, and what explains that."""

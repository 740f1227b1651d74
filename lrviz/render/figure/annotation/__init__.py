"""What a figure points at, and where its labels go."""

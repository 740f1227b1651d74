"""A trace as a figure; the only folder that imports matplotlib."""

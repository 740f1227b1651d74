"""Logs of runs, read into traces; one file a format, and nothing downstream knows which."""

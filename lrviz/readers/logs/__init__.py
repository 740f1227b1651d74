"""Logs of runs, read into traces; one file a format, and nothing downstream knows which."""

LOG_SUFFIXES = (".csv", ".tsv", ".json")
"""Suffixes of files that may be a log; a trainer's config may be JSON, too."""

LOG_MARK = "tfevents"
"""In the name of every event file of TensorBoard."""

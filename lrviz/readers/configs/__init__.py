"""Trainers' configs, one file a format; nothing downstream knows which it was."""

SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".py")

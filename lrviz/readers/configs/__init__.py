"""Trainers' configs, one file a format; nothing downstream knows which it was."""

from lrviz.experiment.values import Value

SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".py")


def is_own(root: Value) -> bool:
    """Return whether a document is lrviz's own: it has a scheduler with a name, or overlays several."""
    if isinstance(root.data, dict) and isinstance(root.data.get("overlay", Value(None)).data, list):
        return True
    scheduler = root.data.get("scheduler", Value(None)).data if isinstance(root.data, dict) else None
    return isinstance(scheduler, dict) and "name" in scheduler

"""From an Experiment to a Trace, by PyTorch's own schedulers; the only room that imports torch."""

from lrviz.replay.loop import describe, replay
from lrviz.replay.trace import Failure, Remark, Summary, Trace, Track

__all__ = ["Failure", "Remark", "Summary", "Trace", "Track", "describe", "replay"]

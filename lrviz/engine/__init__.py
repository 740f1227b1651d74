"""From an Experiment to a Trace, by PyTorch's own schedulers; the only room that imports torch."""

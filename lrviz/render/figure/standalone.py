"""matplotlib for a process of lrviz's own, whatever the user set up for theirs."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path


def import_matplotlib() -> None:
    """Import matplotlib without the user's backend, settings and folders, which no figure of ours needs.

    Not for the API: the caller's own figures are to have all three.
    """
    own = Path(__file__).with_name("common.mplstyle")
    os.environ |= {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(own)}
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it remarks on a folder that cannot be written
    # A file of the current folder would come before that of the variable.
    with contextlib.chdir(own.parent) if Path("matplotlibrc").exists() else contextlib.nullcontext():
        import matplotlib
    try:
        matplotlib.get_cachedir()
    except OSError:  # no folder at all can be written: the list of fonts is made anew
        matplotlib.get_cachedir = lambda: os.devnull

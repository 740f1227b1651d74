"""The command line: flags in, reports out; the only room that prints, exits or knows the terminal."""

from __future__ import annotations

import atexit
import gc
import sys

__all__ = ["main"]


def main() -> None:
    """Run lrviz on the command line's arguments and exit: 0 done, 1 a finding or a failed replay, 2 bad input."""
    gc.set_threshold(100_000)  # importing makes no garbage; looking for it all the same costs a tenth of a start
    atexit.register(gc.freeze)  # nor is there anything to collect at the end
    try:
        from lrviz.cli import streams

        streams.prepare()
        _run()
    except KeyboardInterrupt:  # while the commands are being imported; later the app itself sees it
        sys.exit(130)


def _run() -> None:
    from lrviz.cli.app import app
    from lrviz.cli.report import print_error
    from lrviz.errors import LrvizError, ReplayError

    try:
        try:
            app(prog_name="lrviz")
        finally:
            sys.stdout.flush()  # which fails here, where it is told, rather than at Python's end
    except LrvizError as error:
        print_error(error)
        sys.exit(1 if isinstance(error, ReplayError) else 2)

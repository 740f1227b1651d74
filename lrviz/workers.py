"""Jobs side by side, in processes that end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lrviz.errors import LrvizError, OutputError

Job = Callable[[str], None]
SIGNALS = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__]


def spread(job: Job, names: Sequence[str]) -> Generator[str]:
    """Do a job for every name, and yield each when it is done, by as many processes as there are cores.

    Forked processes share the traces and the imported libraries. Where forking is not safe, as beside
    torch's threads, everything is done here. Raises what a job raises of lrviz's errors, and OutputError
    where a process was killed; whatever ends the iteration ends the processes.
    """
    count = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, len(names))
    if sys.platform == "linux" and "torch" not in sys.modules and count > 1:
        yield from _forked(job, [names[first::count] for first in range(count)])
        return
    for name in names:
        job(name)
        yield name


def _forked(job: Job, shares: Sequence[Sequence[str]]) -> Generator[str]:
    """Do each share of the names in a process of its own."""
    running: dict[Connection, BaseProcess] = {}
    try:
        with _signals_held():  # until every process is one that is ended below
            for share in shares:
                reader, process = _start(job, share)
                running[reader] = process
        while running:
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                message = _received(ready, running[ready])
                if message is None:
                    running.pop(ready).join()
                else:
                    yield message
    finally:
        for process in running.values():
            process.kill()
            process.join()


@contextmanager
def _signals_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(job: Job, share: Sequence[str]) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, share, writer, os.getpid()), daemon=True)
    process.start()
    writer.close()  # or its end would not be seen here
    return reader, process


def _received(reader: Connection, process: BaseProcess) -> str | None:
    """Return the name a process has done, or None when it has done all; raises what it sent."""
    try:
        message = reader.recv()
    except (EOFError, OSError):
        process.join()
        code = process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        hint = "; was there too little memory?" if code == -signal.SIGKILL else ""
        raise OutputError(f"a process that draws {how}{hint}") from None
    if isinstance(message, LrvizError):
        raise message
    return None if message is None else str(message)


def _work(job: Job, share: Sequence[str], writer: Connection, parent: int) -> None:
    """Do a share, and say of each name that it is done, None at the end, or what was raised."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent ends this process
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    try:
        for name in share:
            if os.getppid() != parent:  # it was killed, and nobody waits for more
                return
            job(name)
            writer.send(name)
    except LrvizError as error:
        writer.send(error)
    else:
        writer.send(None)

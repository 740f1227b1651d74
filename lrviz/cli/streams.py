"""The standard streams and signals as lrviz needs them, whatever the shell and the locale gave it."""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
from typing import Any

from lrviz.errors import OutputError

ESCAPE = "lrviz-escape"
"""The name of the error handler that writes what an encoding cannot hold as \\uXXXX, which JSON reads back."""

_ASCII = "lrviz-ascii"  # under its own name typer takes ASCII for a mistake, and writes UTF-8


def prepare() -> None:
    """Give every stream a file and an encoding that takes any text, and end on a signal as on an error.

    A closed stream becomes one that cannot be used, so that no file of ours gets its number.
    """
    codecs.register_error(ESCAPE, _escaped)
    codecs.register(_ascii)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _occupy(number, name)
    _replace("stdout", _Output)
    _replace("stderr", _Remarks)
    if hasattr(signal, "SIGPIPE"):  # `lrviz table … | head` ends like any other filter
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, _terminated)


def _terminated(number: int, _: object) -> None:
    """Leave through every `finally`, so that no half-written file stays."""
    sys.exit(128 + number)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in zip(units[::2], units[1::2], strict=True)), error.end


def _ascii(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != _ASCII:
        return None
    own = codecs.lookup("ascii")
    return codecs.CodecInfo(
        own.encode, own.decode, own.streamreader, own.streamwriter, own.incrementalencoder, own.incrementaldecoder,
        name=_ASCII,
    )  # fmt: skip


def _occupy(number: int, name: str) -> None:
    """Open a closed stream for the wrong direction: every use of it fails as that of a closed one does."""
    handle = os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
    if handle != number:
        os.dup2(handle, number)
        os.close(handle)
    stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


class _Output(io.FileIO):
    """Where reports go: raises OutputError, once, where they cannot be written; a pipe's reader may leave."""

    failed = False

    def write(self, data: Any) -> int:
        try:
            return len(data) if self.failed else super().write(data)
        except OSError as error:
            self.failed = True  # what is left in the buffers above is flushed once more at the end
            if isinstance(error, BrokenPipeError):
                return len(data)
            reason = "it is closed" if error.errno == errno.EBADF else (error.strerror or str(error)).lower()
            raise OutputError(f"cannot write to standard output: {reason}") from None


class _Remarks(io.FileIO):
    """Where remarks go: what cannot be written there is lost, and stops nothing."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _replace(name: str, kind: type[io.FileIO]) -> None:
    """Put a file of ours under a stream, unless it is a terminal or somebody else's."""
    stream = getattr(sys, name)
    if stream is not getattr(sys, f"__{name}__"):
        return
    if stream.isatty():
        stream.reconfigure(errors=ESCAPE)
        return
    stream.flush()
    encoding = _ASCII if codecs.lookup(stream.encoding).name == "ascii" else stream.encoding
    buffer = io.BufferedWriter(kind(stream.fileno(), "w", closefd=False))
    made = io.TextIOWrapper(buffer, encoding, ESCAPE, line_buffering=name == "stderr")
    setattr(sys, name, made)
    setattr(sys, f"__{name}__", made)

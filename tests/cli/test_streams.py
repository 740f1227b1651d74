"""What the environment may do to a command: no traceback, and what can be printed is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")

NOT_UTF_8 = os.fsdecode(b"\xff")
TITLE = "η → 0 😀"


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Return a function that runs `lrviz` with a shell's redirections in an empty folder."""

    def run(arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            f'"{sys.executable}" -m lrviz {arguments}',
            shell=True,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "utf-8"} | environment,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("list >&-", 2, "error: cannot write to standard output: it is closed\n"),
        ("plot cosine --help >/dev/full", 2, "error: cannot write to standard output: no space left on device\n"),
        (
            "table cosine --format csv >/dev/full",
            2,
            "error: cannot write to standard output: no space left on device\n",
        ),
        ("check - <&-", 2, "error: <stdin>: cannot be read: bad file descriptor\n"),
        ("check nosuch.yaml 2>/dev/full", 2, ""),
        ("list 2>&- >/dev/null", 0, ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_closed_or_full_stream_is_an_error_in_one_line(shell: Run, arguments: str, code: int, message: str) -> None:
    ended = shell(arguments)
    assert (ended.returncode, ended.stderr.decode()) == (code, message)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "iso-8859-1"])
def test_encoding_that_cannot_hold_a_text_gets_what_json_reads_back(shell: Run, encoding: str) -> None:
    ended = shell(f"table cosine --title '{TITLE}' --format json", PYTHONIOENCODING=encoding)
    assert json.loads(ended.stdout.decode(encoding))["title"] == TITLE


def test_help_is_plain_where_only_ascii_is_read(shell: Run) -> None:
    ended = shell("plot cosine --help", PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert "TEXT,\\u2026" in ended.stdout.decode("ascii")


@pytest.mark.parametrize(
    ("target", "flag"), [("multistep", "--milestones"), ("cosine", "--optimizer"), ("cosine", "--betas")]
)
def test_bytes_that_are_not_utf_8_are_refused(lrviz: Callable[..., Any], target: str, flag: str) -> None:
    ended = lrviz("table", target, flag, NOT_UTF_8)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {flag}: ")


def test_file_name_that_is_not_utf_8_can_be_drawn_to(shell: Run, tmp_path: Path) -> None:
    try:
        (tmp_path / NOT_UTF_8).touch()
    except OSError:
        pytest.skip("file names are UTF-8 here")
    ended = shell(f"plot cosine -o '{NOT_UTF_8}.png' --title '{NOT_UTF_8}'")
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (0, b"wrote ?.png")
    assert (tmp_path / f"{NOT_UTF_8}.png").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"MPLBACKEND": "Qt4Agg"},
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"HOME": "/dev/null/nowhere", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": "", "MPLCONFIGDIR": ""},
    ],
)
def test_plot_needs_nothing_of_the_users_matplotlib(shell: Run, environment: dict[str, str]) -> None:
    ended = shell("plot cosine", **environment)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_broken_settings_of_matplotlib_do_not_matter(shell: Run, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_bytes(b"axes.formatter.use_locale: True\nfont.family: \xff\n")
    ended = shell("plot cosine", LC_ALL="xx_XX.UTF-8")
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_terminate_leaves_no_file(python: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import atexit, signal, lrviz.render.figure.output as output\n"
        "output._rendered = lambda *_: signal.raise_signal(signal.SIGTERM)\n"
        "from lrviz.cli import main\n"
        "main()\n"
    )
    ended = python("-B", "mine.py", "plot", "cosine", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGTERM, "")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_torch_that_cannot_be_imported_is_named(shell: Run, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libcudart.so.12: not found')\n")
    ended = shell("table cosine")
    message = "error: torch cannot be imported: OSError: libcudart.so.12: not found\n"
    assert (ended.returncode, ended.stdout, ended.stderr.decode()) == (2, b"", message)


def test_what_a_scheduler_prints_is_not_in_the_report(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "printing.py").write_text(
        "import torch\n"
        "def loud(optimizer):\n"
        "    print('hello')\n"
        "    return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)\n"
    )
    ended = lrviz("table", "printing:loud", "--format", "csv", "--no-check")
    assert ended.out.startswith("step,epoch,lr")
    assert ended.err.startswith("hello\n")


@pytest.mark.parametrize(("columns", "widest"), [("0", 80), ("40", 40), ("99999999", 400)])
@pytest.mark.parametrize(("command", "whole"), [(["list"], "learning"), (["check", "--list"], "unit-mismatch")])
def test_lists_fit_every_width(
    lrviz: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
    widest: int,
    command: list[str],
    whole: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ended = lrviz(*command)
    lines = ended.out.splitlines()
    assert whole in ended.out.split()
    assert [line for line in lines if line != line.rstrip()] == []
    assert max(map(len, lines)) <= widest


def test_help_cuts_no_word_of_a_narrow_terminal(lrviz: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    help_text = lrviz("plot", "cosine", "--help").out
    wrapped = ("lowest learning rate, or a", "share of the base rate such as")
    assert "\n        ".join(("  --eta-min FLOAT[,…]", *wrapped)) in help_text


def test_list_and_help_need_no_docstrings(shell: Run) -> None:
    assert shell("list", PYTHONOPTIMIZE="2").stdout == shell("list").stdout
    assert b"Draw a schedule as PNG" in shell("--help", PYTHONOPTIMIZE="2").stdout

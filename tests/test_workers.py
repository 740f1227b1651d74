"""Processes that draw, in a process of their own without torch: what ends them, and what they leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lrviz

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

HEAD = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(lrviz.__file__).parent.parent)!r})
from lrviz.errors import OutputError
from lrviz.workers import spread
os.sched_getaffinity = lambda _: (0, 1)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_every_job_is_done_once_and_elsewhere():
    code = "parent = os.getpid()\ndef job(name): assert os.getpid() != parent\nprint(*sorted(spread(job, 'abcde')))"
    assert run(code) == "a b c d e\n"


def test_what_a_job_raises_is_raised():
    code = """
def job(name): raise OutputError("the disk is full")
try: list(spread(job, "ab"))
except OutputError as error: print(error)
"""
    assert run(code) == "the disk is full\n"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("SIGKILL", "a process that draws was killed by SIGKILL; was there too little memory?\n"),
        ("SIGTERM", "a process that draws was killed by SIGTERM\n"),
    ],
)
def test_a_killed_process_is_an_error(number, message):
    code = f"""
def job(name): os.kill(os.getpid(), signal.{number}) if name == "c" else None
try: list(spread(job, "abcde"))
except OutputError as error: print(error)
"""
    assert run(code) == message


def test_processes_end_when_their_parent_is_killed():
    code = """
def job(name):
    os.write(1, b"x")
    os.read(0, 1)
list(spread(job, "abcdef"))
"""
    command = [sys.executable, "-c", HEAD + code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.read(1) + parent.stdout.read(1) == b"xx"  # both have begun
        parent.kill()
        parent.wait()
        parent.stdin.write(b"..")  # each ends its job
        assert parent.stdout.read() == b""  # and begins no other

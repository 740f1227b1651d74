from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lrviz as package


def test_running_as_a_module_is_the_same_program(python):
    assert python("-m", "lrviz", "--version").stdout == f"lrviz {package.__version__}\n"


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such signal here")
def test_a_pipe_closed_early_ends_it_quietly(tmp_path):
    table = f"{sys.executable} -m lrviz table exponential --gamma 0.9 --epochs 5000 --format csv --no-check"
    command = f"{table} | head -n 2"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.splitlines()[0] == "step,epoch,lr,momentum"
    assert done.stderr == ""


def test_ctrl_c_while_it_starts_exits_130(python):
    code = (
        "import signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'lrviz.cli.app':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from lrviz.cli import main\n"
        "main()\n"
    )
    done = python("-c", code)
    assert (done.returncode, done.stderr) == (130, "")


def test_ctrl_c_in_a_replay_leaves_no_file_and_exits_130(python, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import signal, torch\n"
        "class Interrupting(torch.optim.lr_scheduler.ExponentialLR):\n"
        "    def step(self, *args):\n"
        "        if self.last_epoch == 8:\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "        super().step(*args)\n"
    )
    done = python("-B", "-m", "lrviz", "plot", "mine:Interrupting", "--arg", "gamma=0.5", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_the_package_says_it_is_typed():
    assert Path(package.__file__).with_name("py.typed").exists()

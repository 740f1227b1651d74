"""The README's commands, run; `LRVIZ_UPDATE_README=1 pytest tests/test_readme.py` writes what they print into it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lrviz

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n(\$ .*?)```", re.DOTALL)
FILE = re.compile(r"<!-- file: (\S+) -->\n```(?:yaml|toml|python)\n(.*?)```", re.DOTALL)
IN_TABLE = re.compile(r"\| `(lrviz [^`]+)` \|$", re.MULTILINE)
VERSION = re.compile(r"torch \d[^\s,;]*")
COUNT = re.compile(r"in \d+ comparisons")


def commands() -> list[str]:
    return [block.split("\n", 1)[0][2:] for block in CONSOLE.findall(README.read_text())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the README's files, and a cache that holds an engine check."""
    folder = tmp_path_factory.mktemp("readme")
    for name, text in FILE.findall(README.read_text()):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    shutil.copytree(ROOT / "tests" / "recordings" / "logs" / "huggingface-4.45", folder / "run")
    run("lrviz engines --certify", folder)
    return folder


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    environment |= {"PATH": path, "PYTHONUNBUFFERED": "1", "LRVIZ_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.rstrip("\n").split("\n"))


def neutral(text: str) -> str:
    return COUNT.sub("in N comparisons", VERSION.sub("torch X", text))


@pytest.mark.parametrize("command", commands())
def test_a_command_prints_what_the_readme_shows(command, folder):
    printed = run(command, folder)
    text = README.read_text()
    block = next(block for block in CONSOLE.findall(text) if block.startswith(f"$ {command}\n"))
    if os.environ.get("LRVIZ_UPDATE_README"):
        README.write_text(text.replace(block, f"$ {command}\n{printed}\n"))
        return
    assert neutral(block.partition("\n")[2].rstrip("\n")) == neutral(printed)


@pytest.mark.parametrize("command", IN_TABLE.findall(README.read_text()))
def test_a_command_in_a_table_runs(command, folder):
    printed = run(f"{command} && echo done", folder)
    assert printed.endswith("\ndone")


def test_the_python_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = README.read_text().partition("\n## Python\n")[2]
    first, *others = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    raised = re.search(r"```text\nlrviz.errors.CheckError: (.*?)\n```", text, re.DOTALL)
    assert raised is not None
    names = {}
    with pytest.raises(lrviz.CheckError) as error:
        exec(first, names)
    assert str(error.value) == raised[1]
    for code in others:
        exec(code, names)
    assert [(tmp_path / name).stat().st_size > 0 for name in ("schedule.png", "onecycle.pdf")] == [True, True]


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!https?://)[^)#]+)\)", README.read_text()))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()

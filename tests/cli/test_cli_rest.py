from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

import lrviz as package
from lrviz.engine.compare import EngineCheck
from lrviz.experiment.schedulers import CATALOGUE
from lrviz.experiment.yaml_reader import parse
from lrviz.gallery import own_configs


def python(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **more)


@pytest.fixture
def compared(monkeypatch):
    """Return what sets the mismatches that a comparison of the engines comes to."""
    counts = {"schedulers": 18, "optimizers": 15, "replays": 320, "steps": 10_277, "failures": 67, "warnings": 2}

    def compared(*mismatches: str) -> None:
        check = EngineCheck(torch_version="2.13", mismatches=mismatches, **counts)
        monkeypatch.setattr("lrviz.engine.certify.compare", lambda: check)

    return compared


def test_version(lrviz):
    assert lrviz("--version").out == f"lrviz {package.__version__}\n"


def test_engines_says_which_would_replay_and_why(lrviz):
    assert lrviz("engines").out == "torch: it is already imported in this process\n"


def test_engines_certify_says_what_was_compared_and_is_kept(lrviz, compared, tmp_path, monkeypatch):
    monkeypatch.setenv("LRVIZ_CACHE_DIR", str(tmp_path / "cache"))
    compared()
    ended = lrviz("engines", "--certify")
    assert ended.code == 0
    assert "torch 2.13, bit by bit:\n  320 replays of 18 schedulers under 15 optimizers" in ended.out
    assert ended.out.endswith("10,277 steps (learning rates and momenta), 67 failures and 2 warnings\nidentical\n")


def test_engines_certify_says_where_the_result_could_not_be_kept(lrviz, compared):
    compared()
    assert lrviz("engines", "--certify").out.endswith("the result could not be kept: torch itself replays\n")


def test_engines_certify_says_what_differs_on_one_line_each(lrviz, compared):
    compared("StepLR with SGD: lr\x1b[31m\nof group 'a'")
    ended = lrviz("engines", "--certify")
    assert ended.code == 1
    assert ended.out.endswith("  differs: StepLR with SGD: lr?[31m of group 'a'\nnot identical: torch itself replays\n")


def test_list_shows_every_scheduler_within_80_columns(lrviz):
    out = lrviz("list").out
    assert max(map(len, out.splitlines())) <= 80
    for name, spec in CATALOGUE.items():
        assert name in out
        assert spec.shape in out


@pytest.mark.parametrize("path", sorted(own_configs().glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_takes_every_config(lrviz, path):
    schema = json.loads(lrviz("schema").out)
    jsonschema.validate(parse(path.read_text(), path.name).plain(), schema)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "scheduler: {name: cosin}",
        "scheduler: {name: cosine, t_max: 3}",
        "scheduler: {name: step}",
        "scheduler: {name: onecycle, max_lr: fast}",
        "scheduler: {name: cosine}\nrun: {epochs: 0}",
        "scheduler: {name: cosine}\nextra: 1",
        "scheduler: {name: sequential, milestones: [1], schedulers: [{name: cosin}]}",
    ],
)
def test_the_schema_refuses_what_lrviz_refuses(lrviz, text):
    schema = json.loads(lrviz("schema").out)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["plot", "onecycle", "--help"], ["plot", "--help"], ["schema"], ["plot", "stp"]],
    ids=" ".join,
)
def test_what_needs_no_replay_imports_nothing_heavy(arguments):
    code = (
        f"import sys; sys.argv = ['lrviz', *{arguments!r}]\n"
        "from lrviz.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'click'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_a_table_imports_no_matplotlib(tmp_path):
    code = (
        "import sys; sys.argv = ['lrviz', 'table', 'cosine']\n"
        "from lrviz.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert python("-c", code, cwd=tmp_path).returncode == 0


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="no such signal here")
def test_a_pipe_closed_early_ends_it_quietly(tmp_path):
    table = f"{sys.executable} -m lrviz table exponential --gamma 0.9 --epochs 5000 --format csv --no-check"
    command = f"{table} | head -n 2"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.splitlines()[0] == "step,epoch,lr,momentum"
    assert done.stderr == ""


@pytest.mark.parametrize("seconds", [0.6, 3.0], ids=["starting", "replaying"])
def test_ctrl_c_leaves_no_file_and_exits_130(tmp_path, seconds):
    flags = ["plot", "exponential", "--gamma", "0.9999999", "--epochs", "1000000", "--no-check", "--engine", "light"]
    with subprocess.Popen([sys.executable, "-m", "lrviz", *flags], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        time.sleep(seconds)  # whatever it is doing by then, it must end alike
        os.kill(process.pid, signal.SIGINT)
        code = process.wait(timeout=30)
        assert process.stderr is not None
        assert code in (130, -signal.SIGINT)  # a shell shows both as 130
        assert b"Traceback" not in process.stderr.read()
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_named(lrviz, tmp_path):
    (tmp_path / "gallery").write_text("a file stands in the way")
    ended = lrviz("gallery")
    assert ended.code == 2
    assert "gallery" in ended.err
    assert "Traceback" not in ended.err


def test_completion_is_offered(lrviz):
    assert "--install-completion" in lrviz("--help").out


def test_running_as_a_module_is_the_same_program():
    assert python("-m", "lrviz", "--version").stdout == f"lrviz {package.__version__}\n"


def test_the_package_says_it_is_typed():
    assert Path(package.__file__).with_name("py.typed").exists()

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

import lrviz as package
from lrviz.experiment.yaml_reader import parse
from lrviz.gallery import own_configs


def test_version(lrviz):
    assert lrviz("--version").out == f"lrviz {package.__version__}\n"


def test_no_command_at_all_shows_the_help(lrviz):
    assert "Usage: lrviz" in lrviz().err


def test_a_mistyped_command_is_guessed(lrviz):
    ended = lrviz("plt", "cosine")
    assert ended.code == 2
    assert "error: unknown command 'plt'; did you mean 'plot'?" in ended.err


def test_completion_is_offered(lrviz):
    assert "--install-completion" in lrviz("--help").out


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
    ("command", "heavy"),
    [
        *((command, "torch numpy matplotlib click") for command in ("--help", "list", "schema", "check --list")),
        *((command, "torch numpy matplotlib click") for command in ("plot --help", "plot cosine --help", "plot stp")),
        ("table cosine", "matplotlib"),
        ("check cosine", "matplotlib"),
    ],
)
def test_what_a_command_does_not_need_is_not_imported(python, tmp_path, command, heavy):
    code = (
        f"import sys; sys.argv = ['lrviz', *{command.split()!r}]\n"
        "from lrviz.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        f"heavy = {set(heavy.split())!r} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr

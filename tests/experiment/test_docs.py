"""docs/schedulers.md is what the schedulers say of themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lrviz import load
from lrviz.experiment.docs import markdown, section
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec, catalogue, families

PAGE = Path(__file__).parents[2] / "docs" / "schedulers.md"
SPECS = [pytest.param(spec, id=name) for name, spec in catalogue().items()]


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_there_is_a_section_for_every_scheduler_under_its_family() -> None:
    found = re.findall(r"^##+ (.+)$", markdown(), re.MULTILINE)
    assert found == [name for each in families() for name in (f"Schedulers of {each.title}", *each.names)]


def test_a_link_of_the_contents_leads_to_a_heading() -> None:
    page = markdown()
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^##+ (.+)$", page, re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]+)\)", page)
    assert sorted(links) == sorted(headings)
    assert len(set(headings)) == len(headings)


@pytest.mark.parametrize("spec", SPECS)
def test_a_section_names_every_argument_once(spec: type[SchedulerSpec]) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section(spec), re.MULTILINE)
    assert rows == list(arg_types(spec))


@pytest.mark.parametrize("spec", SPECS)
def test_a_row_has_four_cells(spec: type[SchedulerSpec]) -> None:
    rows = [line for line in section(spec).splitlines() if line.startswith("|")]
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} <= {6}


@pytest.mark.parametrize("spec", SPECS)
def test_the_yaml_of_a_section_is_an_experiment(write: Callable[[str], Path], spec: type[SchedulerSpec]) -> None:
    for text in re.findall(r"```yaml\n(.*?)```", section(spec), re.DOTALL):
        assert isinstance(load(write(text)).scheduler, spec)


def test_a_section_says_the_version_that_it_follows_and_how_to_name_another(halving) -> None:
    text = section(type(halving()))
    assert "**Source:** this test. It follows halvings 1.1.\n" in text

"""The page of the rules, docs/checks.md, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrviz.rules.changes import as_yaml
from lrviz.rules.registry import RULES, Rule

_HEAD = """# What `lrviz check` finds

`lrviz check TARGET` replays a schedule on PyTorch's own scheduler and looks for what usually goes wrong with it. An
error means that the run will not do what it was written for, a warning that it very likely will not, an info that
something is worth knowing. `lrviz check --ignore RULE` leaves a rule out and `--error RULE` makes its findings errors,
and so does the schedule's own file:

```yaml
check: {ignore: [default-warmup], error: [lr-dead]}
```

or `[tool.lrviz.check]` in the project's pyproject.toml.

This page is made from the rules (`lrviz.rules.docs.markdown`); a test holds it to them.
"""


def markdown() -> str:
    """Return the page: a table of the rules, and a section for each."""
    rows = [f"| [`{rule.name}`](#{rule.name}) | {rule.severity} | {rule.summary} |" for rule in RULES.values()]
    table = "\n".join(["| rule | severity | what it finds |", "|---|---|---|", *rows])
    return "\n".join([_HEAD, table, *(f"\n{section(rule)}" for rule in RULES.values())]) + "\n"


def section(rule: Rule) -> str:
    """Return what the page says of a rule: why it hurts, a schedule that shows it, and what to write instead."""
    return "\n".join(_paragraphs(rule))


def _paragraphs(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}\n\n**{rule.severity}**: {rule.summary}.\n"
    yield f"**Why it hurts.** {rule.why}\n"
    beside = f" (with `{_flags(rule.given)}`)" if rule.given else ""
    yield f"**A schedule that shows it**{beside}\n\n```yaml\n{as_yaml(rule.example)}\n```\n"
    other = "" if rule.given_instead is None else f" With `{_flags(rule.given_instead)}` nothing is found:"
    yield f"**What to write instead.** {rule.instead}{other}\n\n```yaml\n{as_yaml(rule.near_miss)}\n```"


def _flags(given: Mapping[str, Any]) -> str:
    """Return what is given beside a document as flags."""
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())

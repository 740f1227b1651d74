"""From an Experiment and its Trace to findings: what goes wrong, and what to write instead.

    >>> experiment = lrviz.load("run.yaml")
    >>> for finding in examine(experiment, lrviz.replay(experiment, partial=True)):
    ...     print(finding.severity, finding.rule, finding.message)

One small rule each in the modules of this room, entered in `RULES` by `registry.rule` as they are
imported here. No rule runs a replay.
"""

from lrviz.rules import (  # noqa: I001  the order of `lrviz check --list` and docs/checks.md
    units,
    lengths,
    curves,
    containers,
    milestones,
    values,
    arguments,
    effects,
    plateau,
    resuming,
    failures,
    configs,
)
from lrviz.rules.examine import examine, examine_log, from_problems
from lrviz.rules.case import REPLAY_FAILED
from lrviz.rules.finding import SEVERITIES, Finding, Severity
from lrviz.rules.registry import RULES, Rule
from lrviz.rules.settings import CheckSettings, ProjectSettings

__all__ = [
    "REPLAY_FAILED",
    "RULES",
    "SEVERITIES",
    "CheckSettings",
    "Finding",
    "ProjectSettings",
    "Rule",
    "Severity",
    "arguments",
    "configs",
    "containers",
    "curves",
    "effects",
    "examine",
    "examine_log",
    "failures",
    "from_problems",
    "lengths",
    "milestones",
    "plateau",
    "resuming",
    "units",
    "values",
]

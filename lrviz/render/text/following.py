"""Whether a run followed its plan, in words, as JSON or as Markdown."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
from collections.abc import Iterator
from typing import Any

from lrviz.errors import counted
from lrviz.experiment.writer import in_flow
from lrviz.following.alignment import MEAN
from lrviz.following.following import Departure, Followed
from lrviz.following.settings import Explanation
from lrviz.render.text.sentences import span

FORMATS = ("text", "json", "markdown")
INDENT = "     "


def report(found: Followed, form: str = "text") -> str:
    """Return what `lrviz diff PLAN LOG` prints."""
    if form == "json":
        return json.dumps(as_data(found), indent=2, ensure_ascii=False) + "\n"
    first, *rest = lines(found)
    if form == "markdown":
        return "\n".join([f"**{first}**", "", *(f"- {line}" for line in rest)]) + "\n"
    return "\n".join([first, *(INDENT + line for line in rest)]) + "\n"


def lines(found: Followed) -> Iterator[str]:
    """Yield what a comparison came to, the verdict first."""
    yield _verdict(found)
    log = found.source
    yield f"log: {log.format}, {_extent(found)}, {log.precision.words}"
    yield f"{found.fits:,} of {found.compared:,} records fit; offset {_offset(found)}"
    yield from _groups(found)
    yield from log.notes
    if found.is_followed:
        return
    for explanation in found.explanations:
        yield _explained(explanation)
    if not found.explanations:
        tried = f" of {found.tried} other settings" if found.tried else ""
        yield f"nothing explains it: none{tried} that were tried fits the log" if tried else "nothing explains it"


def _verdict(found: Followed) -> str:
    plan, log, left = found.plan.name, found.source.file, found.left
    if found.is_followed:
        return f"{log} followed {plan}"
    if not found.compared:
        return f"{log} has no record of a step that {plan} has"
    if left is None:
        goes_on = f"and goes on after it: {counted(found.beyond, 'record')} more"
        return f"{log} followed {plan} to its end, step {found.plan.steps - 1:,}, {goes_on}"
    logged, planned = _apart(left)
    where = f"at step {left.step:,}{_epoch(found, left.step)}{f' of {left.group}' if left.group else ''}"
    what = f"{where} it has {logged}, the plan {planned}"
    if left.last_fit is None:
        return f"{log} did not follow {plan}: {what}"
    return f"{log} followed {plan} up to step {left.last_fit:,}, and left it: {what}"


def _epoch(found: Followed, step: int) -> str:
    trace = found.plan.trace
    epoch = None if trace.steps_per_epoch == 1 else trace.epoch_of(step)
    return "" if epoch is None else f" (epoch {epoch:,})"


def _extent(found: Followed) -> str:
    log = found.log
    if not log.steps:
        return "no record of the plan's steps"
    return f"{counted(log.steps, 'record')} of {span('step', log.step_at(0), log.end - 1)}"


def _offset(found: Followed) -> str:
    return f"{found.offset:+d}: {found.placement}" if found.offset else f"0: {found.placement}"


def _groups(found: Followed) -> Iterator[str]:
    """Yield which group of the plan each column is, where that is not plain."""
    told = [f"{name} is {own if own == MEAN else f'group {own}'}" for name, own in found.groups if name != own]
    if len(found.plan.trace.groups) > 1 and told:
        yield ", ".join(told)


def _explained(explanation: Explanation) -> str:
    since = "" if explanation.since is None else f"from step {explanation.since:,} on "
    verb = "it fits with" if explanation.changes else ""
    flags = " ".join(_flag(path, value) for path, value in explanation.changes.items())
    parts = [part for part in (since.rstrip(), verb, explanation.what) if part]
    return " ".join(parts) + (f": {flags}" if flags else "")


def _flag(path: str, value: Any) -> str:
    """Return the flag that makes a change, as one types it in a shell."""
    text = value if isinstance(value, str) else in_flow(value)
    return f"{path} {text}" if path.startswith("--") else f"--set {shlex.quote(f'{path}={text}')}"


def _apart(left: Departure) -> tuple[str, str]:
    """Return two numbers with as many digits as tell them apart."""
    for digits in (4, 6, 9, 17):
        pair = f"{left.logged:.{digits}g}", f"{left.planned:.{digits}g}"
        if pair[0] != pair[1]:
            break
    return pair


def as_data(found: Followed) -> dict[str, Any]:
    """Return what a comparison came to as JSON has it."""
    log = found.source
    left = None if found.left is None else {k: _plain(v) for k, v in dataclasses.asdict(found.left).items()}
    return {
        "followed": found.is_followed,
        "plan": found.plan.name,
        "log": {
            "file": log.file, "format": log.format, "unit": log.unit, "precision": log.precision.words,
            "total": log.total, "resumed": list(log.resumed), "notes": list(log.notes),
        },
        "offset": found.offset,
        "placement": found.placement,
        "groups": dict(found.groups),
        "records": found.log.steps,
        "compared": found.compared,
        "fits": found.fits,
        "beyond": found.beyond,
        "left": left,
        "explanations": [_explanation(each) for each in found.explanations],
        "tried": found.tried,
    }  # fmt: skip


def _explanation(each: Explanation) -> dict[str, Any]:
    flags = {path: value for path, value in each.changes.items() if path.startswith("--")}
    paths = {path: value for path, value in each.changes.items() if path not in flags}
    return {"what": each.what, "set": paths, "flags": flags, "since": each.since}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

"""The difference of two subjects as a report to read, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from lrviz.arrays import Values
from lrviz.difference import CurveDifference, Differences, Kind, Point, Said, Setting, Stretch
from lrviz.errors import counted, listed
from lrviz.experiment.writer import in_flow
from lrviz.render.text.screen import GAP, Line, printed, wrapped
from lrviz.render.text.sentences import distinct
from lrviz.render.text.spark import scale_of, sparkline
from lrviz.render.text.table import WIDEST, Column, ruler
from lrviz.render.words import clipped, one_line
from lrviz.subject import Subject

if TYPE_CHECKING:
    from rich.console import Console

DETAILED = 3  # curves with a picture and a table of their own
NAMES = 4  # groups that differ alike
SETTINGS = 12  # of each kind that are listed
LONGEST = 40  # characters of a value
MARKS = {Kind.EQUAL: " ", Kind.HIGHER: "+", Kind.LOWER: "-", Kind.MIXED: "~"}
NAMED = {Kind.EQUAL: "equal", Kind.HIGHER: "higher", Kind.LOWER: "lower", Kind.MIXED: "higher and lower"}
IDLE = "alone changes nothing"
WORDS = {"lr": "learning rate", "weight_decay": "weight decay"}

Subjects = tuple[Subject, Subject]


class Format(Enum):
    """The forms in which `lrviz diff` prints a difference."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def report(format: Format, found: Differences, subjects: Subjects, console: Console, *, ascii: bool = False) -> str:
    """Return a difference in any form; `console` and `ascii` are for the text alone."""
    match format:
        case Format.TEXT:
            return "".join(printed(partial(_lines, found, subjects, ascii), console))
        case Format.JSON:
            return json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n"
        case Format.MARKDOWN:
            return "\n".join(_markdown(found, subjects)) + "\n"
        case _:
            assert_never(format)


def as_json(found: Differences) -> dict[str, Any]:
    """Return a difference as JSON has it; what JSON has no number for is a string, such as "NaN"."""
    sides = {
        letter: {
            "name": found.names[side],
            "steps": found.lengths[side],
            "steps_per_epoch": found.steps_per_epoch[side],
            "only": {"groups": found.groups_alone[side], "values": found.values_alone[side]},
            "failure": None if failure is None else {"step": failure.step, "message": failure.description},
        }
        for side, (letter, failure) in enumerate(zip("ab", found.failures, strict=True))
    }
    return {
        "equal": found.is_equal,
        "by": found.by,
        "tolerance": found.tolerance,
        **sides,
        "points": found.points,
        "curves": [_curve_json(curve) for curve in found.curves],
        "settings": [_setting_json(setting) for setting in found.settings],
    }


def _curve_json(curve: CurveDifference) -> dict[str, Any]:
    return {
        "what": curve.what,
        "groups": curve.groups,
        "points": curve.points,
        "differing": curve.count,
        "first": _point_json(curve.first),
        "largest": _point_json(curve.largest),
        "largest_relative": _point_json(curve.largest_relative),
        "stretches": [
            {
                "kind": stretch.kind.name.lower(),
                "points": stretch.points,
                "differing": stretch.count,
                "first": _point_json(stretch.first),
                "last": _point_json(stretch.last),
                "largest": _point_json(stretch.largest),
            }
            for stretch in curve.stretches
        ],
    }


def _point_json(point: Point | None) -> dict[str, Any] | None:
    if point is None:
        return None
    relative = None if point.relative is None else _number(point.relative)
    values = [_number(value) for value in point.values]
    return {"steps": point.steps, "values": values, "absolute": _number(point.absolute), "relative": relative}


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _setting_json(setting: Setting) -> dict[str, Any]:
    one, other = map(_said_json, setting.said)
    return {"path": setting.path, "a": one, "b": other, "idle": setting.is_idle}


def _said_json(said: Said | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {"value": said.value, "written": said.is_written, **({"key": said.key} if said.key else {})}


def _lines(found: Differences, subjects: Subjects, ascii: bool, width: int) -> Iterator[Line]:
    """Yield the report, in plain letters where it is to be."""
    for line in _text(found, subjects, min(width, WIDEST), ascii=ascii):
        yield [(_plain(part), style) for part, style in line] if ascii else line


def _text(found: Differences, subjects: Subjects, width: int, *, ascii: bool) -> Iterator[Line]:
    for letter, name, steps in zip("AB", found.names, found.lengths, strict=True):
        yield from _wrapped(f"{letter}: {one_line(name)} ({counted(steps, 'step')})", width)
    yield from _wrapped(verdict(found), width, "bold green" if found.is_equal else "bold red")
    for remark in _remarks(found):
        yield from _wrapped(remark, width, "dim")
    for number, (heading, curve) in enumerate(_differing(found)):
        yield []
        yield from _wrapped(heading, width, "bold")
        if number < DETAILED:
            yield from _picture(found, subjects, curve, width, ascii=ascii)
        yield from _wrapped(_extremes(found, curve), width)
        if number < DETAILED:
            yield from _stretches(found, curve, width)
    for title, settings in _setting_parts(found):
        yield []
        yield from _wrapped(title, width, "bold")
        yield from _setting_lines(settings, width)


def verdict(found: Differences) -> str:
    """Return whether two subjects are equal, and in what they differ, in a line."""
    if found.is_equal:
        *most, last = dict.fromkeys(WORDS.get(curve.what, curve.what) for curve in found.curves)
        compared = f"{', '.join(most)} and {last}" if most else last
        stopped = next(filter(None, found.failures), None)
        if stopped is None:
            return f"equal: {compared} in all {counted(found.points, 'step')}"
        return f"equal: {compared} in {counted(found.points, 'step')}, where both stop: {one_line(stopped.description)}"
    return f"different: {'; '.join(_reasons(found))}"


def _reasons(found: Differences) -> Iterator[str]:
    """Yield in what two subjects differ."""
    curves = [f"{heading} in {_count(curve)}" for heading, curve in _differing(found)]
    if curves:
        yield listed(curves, DETAILED)
    if found.has_unlike_lengths:
        both = "" if curves else "; what both have is equal"
        yield f"{_lengths(found)}{both}"
    for letter, names in zip("AB", found.groups_alone, strict=True):
        if names:
            noun = "group" if len(names) == 1 else "groups"
            yield f"only {letter} has the {noun} {listed([*map(one_line, names)])}"
    ends = [failure and failure.step for failure in found.failures]
    for letter, failure in zip("AB", found.failures, strict=True):
        if failure is not None and ends[0] != ends[1]:
            yield f"{letter} stops: {one_line(failure.description)}"


def _lengths(found: Differences) -> str:
    if found.by == "epoch":
        epochs = [length / (each or 1) for length, each in zip(found.lengths, found.steps_per_epoch, strict=True)]
        return f"A has {epochs[0]:g} epochs, B {epochs[1]:g}"
    return f"A has {counted(found.lengths[0], 'step')}, B {found.lengths[1]:,}"


def _remarks(found: Differences) -> Iterator[str]:
    """Yield how two subjects were compared, where that is not plain."""
    per_epoch = found.steps_per_epoch
    if found.by == "step" and found.has_unlike_lengths and all(per_epoch) and per_epoch[0] != per_epoch[1]:
        yield "by step; their epochs have other lengths, and --by epoch compares the same share of an epoch"
    if found.by != "step":
        share = "an epoch" if found.by == "epoch" else "the run"
        fewer, other = ("A", "B") if found.is_grid_first else ("B", "A")
        yield f"by {found.by}: each step of {fewer} beside the one that {other} trains at the same share of {share}"
    if found.tolerance:
        yield f"values are equal that are apart by at most {found.tolerance:g} of the curve's largest"
    if found.is_by_place and found.curves[0].groups[0] != found.curves[0].groups[1]:
        yield "no group has the same name in both: they are compared in their order"
    alone = [
        f"{listed([WORDS.get(name, name) for name in names])}, which only {letter} has"
        for letter, names in zip("AB", found.values_alone, strict=True)
        if names
    ]
    if alone:
        yield f"not compared: {'; '.join(alone)}"


def _differing(found: Differences) -> list[tuple[str, CurveDifference]]:
    """Return the curves that differ, those of several groups as one where they differ in the same way, by name."""
    alike: dict[CurveDifference, list[CurveDifference]] = {}
    for curve in found.differing:
        alike.setdefault(replace(curve, groups=("", "")), []).append(curve)
    return [(_heading(found, curves), curves[0]) for curves in alike.values()]


def _heading(found: Differences, curves: Sequence[CurveDifference]) -> str:
    """Return what curves are, and of which groups where there are several."""
    what = WORDS.get(curves[0].what, curves[0].what)
    names = [" as ".join(dict.fromkeys(map(one_line, curve.groups))) for curve in curves]
    several = len({each.groups for each in found.curves}) > 1 or any(found.groups_alone)
    return f"{what} of {listed(names, NAMES)}" if several or " as " in names[0] else what


def _count(curve: CurveDifference) -> str:
    steps = counted(curve.points, "step")
    return f"all {steps}" if curve.count == curve.points else f"{curve.count:,} of {steps}"


def _extremes(found: Differences, curve: CurveDifference) -> str:
    """Return where a curve first differs, and where most."""
    assert curve.first is not None
    assert curve.largest is not None
    parts = [f"first at {_at(found, curve.first)}"]
    if curve.largest != curve.first:
        parts.append(f"most at {_at(found, curve.largest)}")
    relative = curve.largest_relative
    if relative not in (None, curve.first, curve.largest) and relative.relative is not None:
        parts.append(f"relatively most at {_at(found, relative)}")
    return "; ".join(parts)


def _at(found: Differences, point: Point) -> str:
    """Return a point with its two values: "step 16 (epoch 2): 0.001 and 0.0005 (-50%)"."""
    change = _change(point)
    values = " and ".join(distinct(point.values))
    return f"{_place(found, point)}: {values}{f' ({change})' if change else ''}"


def _place(found: Differences, point: Point) -> str:
    one, other = point.steps
    if one != other:
        return f"step {one:,} of A, {other:,} of B"
    per_epoch = found.steps_per_epoch[0]
    is_told = per_epoch is not None and per_epoch > 1 and per_epoch == found.steps_per_epoch[1]
    return f"step {one:,}" + (f" (epoch {one // per_epoch:,})" if is_told and per_epoch else "")


def _change(point: Point) -> str:
    """Return B beside A as a percentage or a factor; nothing beside 0, or where the sign changes."""
    before, after = point.values
    ratio = after / before if before else math.nan
    if not math.isfinite(ratio) or ratio < 0:
        return ""
    if ratio and not 0.1 <= ratio <= 10:
        return f"x{ratio:.2g}"
    percent = (ratio - 1) * 100
    return f"{percent:+.1f}%" if abs(percent) >= 0.05 else f"{percent:+.1g}%"


def _picture(
    found: Differences, subjects: Subjects, curve: CurveDifference, width: int, *, ascii: bool = False
) -> Iterator[Line]:
    """Yield the two curves on one scale, one above the other, and what B is beside A."""
    room, indent = width - 2, "  "
    columns = [_values(subject, name, curve.what) for subject, name in zip(subjects, curve.groups, strict=True)]
    scale = scale_of(columns)
    for letter, values, subject, span in zip("AB", columns, subjects, found.spans, strict=True):
        cells = round(room * span * len(values) / max(subject.steps, 1)) if subject.trace.at is None else room
        yield [(f"{letter} ", "bold"), (sparkline(values, max(cells, 1), scale=scale, ascii=ascii), "cyan")]
    starts = [_cell(found, stretch.first.steps[0], room) for stretch in curve.stretches]
    ends = [*starts[1:], _cell(found, curve.stretches[-1].last.steps[0] + 1, room)]
    marks = [
        MARKS[stretch.kind] * max(end - start, int(stretch.kind > 0))
        for stretch, start, end in zip(curve.stretches, starts, ends, strict=True)
    ]
    yield [(indent + "".join(marks)[:room], "")]
    longer = subjects[0] if found.spans[0] == 1 else subjects[1]
    if found.by != "progress":
        yield [(indent + ruler(longer.trace, room), "dim")]


def _cell(found: Differences, step: int, room: int) -> int:
    """Return the character of a picture at which a step of A begins."""
    return int(room * found.spans[0] * step / max(found.lengths[0], 1))


def _values(subject: Subject, name: str, what: str) -> Values:
    """Return what a subject's group of a name trains with."""
    group = next(group for group in subject.trace.groups if group.name == name)
    found = {"lr": group.lr, "weight_decay": group.weight_decay}.get(what, group.momentum)
    assert found is not None
    return found


def _stretches(found: Differences, curve: CurveDifference, width: int) -> Iterator[Line]:
    """Yield a row for each stretch, or two lines where a row is too wide."""
    rows = [_row(found, stretch) for stretch in curve.stretches]
    titles = ("step" if found.by == "step" else "A's step", "A", "B", "B is")
    columns = [
        Column(title, cells, left=title == "B is") for title, cells in zip(titles, zip(*rows, strict=True), strict=True)
    ]
    if sum(column.width + GAP for column in columns) - GAP <= width:
        yield []
        for pieces in zip(*(column.padded() for column in columns), strict=True):
            yield list(pieces)
        return
    for steps, one, other, words in rows:
        yield from _wrapped(f"{titles[0]} {steps}: {words}", width)
        yield from _wrapped(f"A {one}, B {other}", width, indent="  ")


def _row(found: Differences, stretch: Stretch) -> tuple[str, str, str, str]:
    """Return a stretch's steps, the values of both at its ends, and what B is there beside A."""
    first, last = stretch.first.steps[0], stretch.last.steps[0]
    steps = f"{first:,}" if first == last else f"{first:,}–{last:,}"
    one, other = (
        " → ".join(dict.fromkeys((f"{stretch.first.values[side]:.3g}", f"{stretch.last.values[side]:.3g}")))
        for side in (0, 1)
    )
    return steps, one, other, _beside(stretch)


def _beside(stretch: Stretch) -> str:
    """Return what B is in a stretch, and where it differs most: "lower, -50% at 16"."""
    point, word = stretch.largest, NAMED[stretch.kind]
    if point is None:
        return word
    if stretch.kind is Kind.MIXED and stretch.count < stretch.points:
        word = f"unlike in {stretch.count:,} of {stretch.points:,}"
    by = _change(point) or f"by {abs(point.absolute):.3g}"
    return f"{word} {by}" if stretch.points == 1 else f"{word}, {by} at {point.steps[0]:,}"


def _setting_parts(found: Differences) -> Iterator[tuple[str, Sequence[Setting]]]:
    """Yield the settings that differ under what they are: causes, and what follows from them."""
    causes = [setting for setting in found.settings if setting.is_written]
    others = [setting for setting in found.settings if not setting.is_written]
    is_idle = found.is_equal and not any(found.failures)
    effect = "no effect beyond the tolerance" if found.tolerance else "no effect on what the steps train with"
    remark = f", with {effect}" if is_idle else ""
    if causes:
        yield f"settings that differ{remark}", causes
    if others:
        yield "what follows from them" if causes else f"settings that differ, which neither writes{remark}", others


def _setting_lines(settings: Sequence[Setting], width: int) -> Iterator[Line]:
    shown = settings[:SETTINGS]
    rows = [_setting_row(setting) for setting in shown]
    titled = zip(("", "A", "B", ""), zip(*rows, strict=True), strict=True)
    columns = [Column(title, cells, left=True) for title, cells in titled]
    if sum(column.width + GAP for column in columns) - GAP <= width:
        for pieces in zip(*(column.padded() for column in columns), strict=True):
            yield list(pieces)
    else:
        for path, one, other, remark in rows:
            yield from _wrapped(f"{path}: {one} → {other}{f', {remark}' if remark else ''}", width)
    if len(settings) > SETTINGS:
        yield from _wrapped(f"and {len(settings) - SETTINGS:,} more; --format json has all", width, "dim")


def _setting_row(setting: Setting) -> tuple[str, str, str, str]:
    """Return a setting's path, its value in both, and whether it alone changes nothing."""
    one, other = (_value(said, is_cause=setting.is_written) for said in setting.said)
    return _path(setting), one, other, IDLE if setting.is_idle else ""


def _path(setting: Setting) -> str:
    """Return a setting's path, and the keys of trainers' configs that say it."""
    keys = dict.fromkeys(said.key for said in setting.said if said is not None and said.key)
    return one_line(f"{setting.path} ({', '.join(keys)})" if keys else setting.path)


def _value(said: Said | None, *, is_cause: bool) -> str:
    """Return a setting's value, which stands in brackets where another is written and this one is not."""
    if said is None:
        return "–"
    text = clipped(one_line(in_flow(said.value)), LONGEST)
    return f"({text})" if is_cause and not said.is_written else text


def _wrapped(text: str, width: int, style: str = "", indent: str = "") -> Iterator[Line]:
    for line in wrapped(one_line(text), width - len(indent), style):
        yield [(indent, ""), *line]


def _plain(text: str) -> str:
    return text.replace("→", "to").replace("–", "-").encode("ascii", "backslashreplace").decode()


def _markdown(found: Differences, subjects: Subjects) -> Iterator[str]:
    one, other = map(_code, found.names)
    yield f"#### {one} and {other}\n\n{_safe(verdict(found))}"
    for remark in _remarks(found):
        yield f"\n{_safe(remark)}"
    for number, (heading, curve) in enumerate(_differing(found)):
        yield f"\n**{_safe(heading)}**: {_safe(_extremes(found, curve))}"
        if number < DETAILED:
            yield "\n```text"
            for line in _picture(found, subjects, curve, 72):
                yield "".join(part for part, _ in line).rstrip()
            yield "```\n\n| step | A | B | B is |\n| ---: | ---: | ---: | --- |"
            yield from (f"| {' | '.join(_row(found, stretch))} |" for stretch in curve.stretches)
    for title, settings in _setting_parts(found):
        remarks = {IDLE if setting.is_idle else "" for setting in settings} - {""}
        yield f"\n**{title}**\n\n| setting | A | B |{' |' * len(remarks)}\n| --- | --- | --- |{' --- |' * len(remarks)}"
        for setting in settings:
            *cells, remark = _setting_row(setting)
            row = [_code(cell).replace("|", "\\|") for cell in cells] + [remark] * len(remarks)
            yield f"| {' | '.join(row)} |"


def _code(text: str) -> str:
    """Return a text as a span of code, in which nothing is Markdown."""
    text = one_line(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    blank = " " if "`" in text else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def _safe(text: str) -> str:
    """Return a text in which nothing is Markdown or HTML, nor the name of somebody to be told."""
    return re.sub(r"([\\`*_{}\[\]<>#|~@!])", r"\\\1", text)

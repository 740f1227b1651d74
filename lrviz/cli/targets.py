"""TARGET: a scheduler's name, a YAML file, `-`, a file of a git revision, or `package.module:Name`; and its flags."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING, Any

from lrviz import documents, overlays
from lrviz.cli import overlay
from lrviz.cli.flags import FlagSet, count, flag_name, in_yaml, repeated, text, written
from lrviz.cli.overlay import overlaid
from lrviz.cli.report import print_note
from lrviz.cli.revisions import content, holds, is_revision, refuse_no_file
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.origin import Origin
from lrviz.experiment.record import arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers import SchedulerSpec, catalogue, families
from lrviz.experiment.schedulers.catalogue import find as find_scheduler
from lrviz.experiment.schedulers.catalogue import names
from lrviz.experiment.values import MAX_BYTES, Value
from lrviz.overlays import Overlay
from lrviz.readers.configs import SUFFIXES, Said, releases
from lrviz.readers.logs.look import is_log

if TYPE_CHECKING:
    from lrviz.rules import Finding
    from lrviz.trace import Trace


@dataclass(frozen=True)
class Source:
    """One target as it was given: its name, what files made from it are called, its own flags, and its experiment."""

    name: str
    stem: str
    help: str
    own: Sequence[inspect.Parameter]
    load: Callable[[Mapping[str, Any]], Experiment]
    scheduler: FlagSet | None = None  # its flags, where the target is a scheduler's name
    path: Path | None = None  # of a file or a folder
    document: Callable[[Mapping[str, Any]], Value] | None = None  # what a file comes to, with the flags laid over it
    compared: Callable[[Mapping[str, Any]], Overlay | None] | None = None  # the experiments of a file with several
    label: str = ""  # of an experiment among several that the file compares
    is_quoted: bool = False  # the name holds the flags as well, as --with has them: "onecycle --max-lr 1e-3"
    read: Callable[[Mapping[str, Any]], Trace] | None = None  # the trace of a run's log, which has no experiment

    def worded(self, message: str) -> str:
        """Return a message in the words that the target was given in: its flags, or the document's keys."""
        return overlay.in_flags(message, self.scheduler) if self.scheduler else message

    def named(self, message: str) -> str:
        """Return a message that says which of several experiments of a file it is about."""
        return f"{self.label}: {message}" if self.label else message

    def snippet(self, finding: Finding) -> str:
        """Return what a finding's fix is to be written as: flags, where the target was given in flags."""
        flags = overlay.as_flags(finding.changes, self.scheduler) if self.scheduler else ""
        return flags or finding.snippet


def any_flags() -> list[inspect.Parameter]:
    """Return the parameters of the flags of all targets."""
    named = [_scheduler_source(spec) for spec in catalogue().values() if spec.on_command_line]
    return all_flags([*named, _custom_source(":"), file_source("-")])


def all_flags(sources: Sequence[Source]) -> list[inspect.Parameter]:
    """Return the parameters of every flag that one of the targets has: it lies over each that has it."""
    own = {parameter.name: parameter for source in sources for parameter in source.own}
    return [*own.values(), *overlay.parameters()]


def only(sources: Sequence[Source], verb: str) -> Source:
    """Return the target of a verb that takes one; raises SpecError that names the next."""
    first, *more = sources
    if more:
        message = f"unexpected argument {shown(more[0].name)}: lrviz {verb} takes one target, and has {first.name}"
        raise SpecError(message + _instead(more[0].name))
    return first


def further(name: str, first: Source, verb: str) -> Source:
    """Return the target of a name that stands after another one; raises SpecError where there is none."""
    try:
        return find(name, verb)
    except SpecError:
        instead = _instead(name)
        if not instead:
            raise
        raise SpecError(f"unexpected argument {shown(name)} after the target {first.name}{instead}") from None


def _instead(argument: str) -> str:
    """Return how to write what looks like an item of a list, or like an argument of Python."""
    name, equals, value = argument.partition("=")
    if equals and name.isidentifier():
        return f"; a flag is written {flag_name(name)} {value}"
    return "; a list is written with commas: 30,60,90" if isinstance(scalar(argument), (int, float)) else ""


def find(name: str, verb: str) -> Source:
    """Return the target of a name, or of a name and flags that are quoted; raises SpecError where there is none."""
    first, _, flags = name.strip().partition(" ")
    if flags.lstrip().startswith("-") and not _exists(name):
        return replace(find(first, verb), name=name, own=(), is_quoted=True, load=_refused, path=None)
    named = find_scheduler(name) if _is_name(name) else None
    file, _, attribute = name.rpartition(":")
    if file.endswith(".py"):
        raise SpecError(f"{shown(name)}: write the module's name, not its file: {Path(file).stem}:{attribute}")
    if named and named.on_command_line:
        return _scheduler_source(named)
    if is_revision(name, SUFFIXES) and not _exists(name):
        return _revision_source(name)
    if not _exists(name) and not (_is_custom(name) and _has_module(name)):
        refuse_no_file(name, SUFFIXES)
    if _is_custom(name):
        return _custom_source(name)
    if verb != "check" and _exists(name) and Path(name).is_dir() and is_log(Path(name)):
        return log_source(name)
    if name == "-" or _is_file(name):
        return file_source(name)
    if named and named.example:
        raise SpecError(f"{name} is put together in YAML: lrviz {verb} FILE, with\n{_document_of(named)}")
    raise SpecError(_unknown(name))


def _refused(given: Mapping[str, Any]) -> Experiment:
    """Refuse what is in quotes, for commands that do not compare targets, of which each has flags of its own."""
    raise SpecError("a target and its flags are written in quotes for plot, show, table and diff alone")


def _is_name(name: str) -> bool:
    return name.replace("-", "_").isidentifier()


def _is_custom(name: str) -> bool:
    module, colon, attribute = name.partition(":")
    parts = [*module.split("."), *attribute.split(".")]
    return bool(colon) and all(part.isidentifier() for part in parts) and not _exists(name)


def _has_module(name: str) -> bool:
    """Return whether the package of a module:Name is here or installed, without running any of it."""
    return PathFinder.find_spec(name.partition(":")[0].partition(".")[0], [str(Path.cwd()), *sys.path]) is not None


def _is_file(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in SUFFIXES or _exists(name) or len(path.parts) > 1


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # longer than a path can be, or with a null character
        return False


def _unknown(name: str) -> str:
    known = [spec.name for spec in catalogue().values() if spec.on_command_line and not spec.library]
    several = [family for family in families() if family.library]
    libraries = [f"{each.key}-… ({each.title})" if len(each.specs) > 1 else each.names[0] for each in several]
    every = (
        f"a target is a scheduler ({', '.join([*known, *libraries])}), a YAML file, - for standard input, or "
        "package.module:Name of your own; `lrviz list` shows them all"
    )
    wrapped = indent(fill(every, 70, break_on_hyphens=False), " " * 7)
    return f"unknown target {shown(name)}{nearest(name, names())}\n{wrapped}"


def _document_of(spec: type[SchedulerSpec]) -> str:
    """Return a document that works for a scheduler that has no flags."""
    import yaml

    document = {"scheduler": {"name": spec.name, **spec.example}}
    return indent(yaml.safe_dump(document, sort_keys=False, default_flow_style=None).rstrip(), "       ")


def _read(root: Value, flags: FlagSet | None, **options: Any) -> Experiment:
    """Return the experiment of a tree, in which `flags` are those of its scheduler."""
    try:
        return documents.read(root, **options)
    except SpecError as error:
        raise SpecError(overlay.located(error.problems, flags), error.sections) from None


def _scheduler_source(spec: type[SchedulerSpec]) -> Source:
    flags = FlagSet(spec, "scheduler", spec.__name__)

    def load(given: Mapping[str, Any]) -> Experiment:
        document = overlaid({"scheduler": Value({"name": Value(spec.name), **flags.values(given)})}, given)
        scheduler = document["scheduler"].data
        missing = [name for name in spec.required() if isinstance(scheduler, dict) and name not in scheduler]
        if missing:
            raise SpecError(_missing(spec, missing, given["command"]))
        metrics = str(given.get("scheduler__metric_csv") or "").rpartition(":")[0]  # whoever types it wants it read
        return _read(Value(document), flags, allow_files=[Path(metrics).parent] if metrics else [])

    return Source(spec.name, spec.name, _help(spec), flags.parameters(), load, flags)


def _help(spec: type[SchedulerSpec]) -> str:
    """Return what the help of a scheduler says: what it does, its formula, its end and its source."""
    about = spec.documentation()
    formula = "\n\n".join(f"\b\n{indent(block, '  ')}" for block in about.formula.split("\n\n"))
    first = f"First step: {about.first_step}\n\n" if about.first_step else ""
    end = f"Past its end: {about.past_end}\n\nSource: {about.source}"
    return f"{about.summary} ({spec.__name__})\n\n{formula}\n\n{first}{end}"


def _missing(spec: type[SchedulerSpec], missing: Sequence[str], command: str) -> str:
    types = arg_types(spec)
    needs = " and ".join(f"{flag_name(name)} ({types[name].help})" for name in missing)
    example = " ".join([command, *(written(flag_name(name), spec.example[name]) for name in missing)])
    return f"{spec.name} needs {needs}\n       for example: {example}"


def _custom_source(name: str) -> Source:
    module, _, attribute = name.partition(":")
    arg = repeated("arg", "Scheduler", "NAME=VALUE", "an argument of it, the value read as YAML; repeatable")

    def load(given: Mapping[str, Any]) -> Experiment:
        arguments = dict(map(_argument, given["arg"]))
        scheduler = Value({"name": Value(name), "args": Value(arguments, "--arg")})
        return _read(Value(overlaid({"scheduler": scheduler}, given)), None, allow_import=[module])

    return Source(name, attribute.lower(), f"Replay {name}, a scheduler of your own.", [arg], load)


def _argument(text: str) -> tuple[str, Value]:
    """Return the name and the value of a NAME=VALUE; raises SpecError."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise SpecError(Problem(place="--arg", message=f"must be NAME=VALUE, not {shown(text)}"))
    return key, in_yaml(value, f"--arg {key}")


def file_source(name: str, content: bytes | None = None) -> Source:
    """Return a file as a target, - for standard input, whether or not there is one: YAML, or the log of a run.

    `content` is read in place of the file.
    """
    may_be_log = content is None and name != "-" and _exists(name) and not Path(name).is_dir()
    return log_source(name) if may_be_log and is_log(Path(name)) else _document_source(name, content)


def _document_source(name: str, content: bytes | None) -> Source:
    path = Path("stdin" if name == "-" else name)
    called = "<stdin>" if name == "-" else str(path)

    @cache
    def tree(key: str | None) -> Value:
        from lrviz.experiment import yaml_reader
        from lrviz.readers.configs.syntax import decode

        data = content
        if data is None:
            data = _standard_input() if name == "-" else yaml_reader.content(path)
        return decode(data, called, key)

    def document(given: Mapping[str, Any]) -> tuple[Value, Origin | None]:
        return _document(tree(given.get("key")), called, path, given)

    def compared(given: Mapping[str, Any]) -> Overlay | None:
        root = tree(given.get("key"))
        return _overlay(root, called, path.parent, given) if overlays.is_overlay(root) else None

    def load(given: Mapping[str, Any]) -> Experiment:
        while True:
            try:
                root, origin = document(given)
                allowed = {name: given.get(name, []) for name in ("allow_import", "allow_files")}
                return _read(root, None, origin=origin, folder=path.parent, **allowed)
            except SpecError as error:
                left = overlay.without_idle(given, error.problems) if given.get("among_others") else given
                if left == given:
                    raise
                given = left

    known, about = None if name == "-" else path, f"Replay the experiment in {name}."
    return Source(name, path.stem, about, _file_flags(), load, None, known, lambda given: document(given)[0], compared)


def _overlay(root: Value, called: str, folder: Path, given: Mapping[str, Any]) -> Overlay:
    """Return the experiments of a document's `overlay`, with the flags laid over each; the title is the figure's."""
    for flag, place in (("form", "--from"), ("beside", "--beside"), ("line", "--line")):
        if given.get(flag):
            what = "training script" if flag == "line" else "trainer's config"
            message = f"is for a {what}; {called} is a document of lrviz's"
            raise SpecError(Problem(place=place, message=message))
    allowed = {name: given.get(name, []) for name in ("allow_import", "allow_files")}
    untitled = {**given, "title": None}

    def laid(entry: Value) -> Value:
        return replace(entry, data=overlaid(entry.data, untitled)) if isinstance(entry.data, dict) else entry

    return overlays.read(root, overlays.entries(root, folder, allowed["allow_files"]), laid, **allowed)


def _file_flags() -> list[inspect.Parameter]:
    return [
        text("key", "Document", "KEY", "read the block at this key of a larger file, such as training.schedule"),
        text("form", "Document", "FORMAT", "what trainer's config the file is, where its keys do not say", "--from"),
        text(
            "beside", "Document", "FILE", "the trainer's config that fills a DeepSpeed JSON's auto, or the JSON"
        ),
        count("line", "Document", "the line at which a training script makes the scheduler, where it makes several"),
        repeated(
            "allow_import", "Scheduler", "MODULE",
            "let the file name a scheduler of this module; it runs the module's code",
        ),
        repeated(
            "allow_files", "Scheduler", "DIR", "let the file read metrics of this folder and below, beside its own"
        ),
    ]  # fmt: skip


def _document(tree: Value, called: str, path: Path, given: Mapping[str, Any]) -> tuple[Value, Origin | None]:
    """Return what a file's tree comes to, under the flags and beside what its project says."""
    from lrviz.project import said_of

    known = overlay.said(given)
    said = Said(
        given=known,
        versions=releases(known),
        beside=given.get("beside"),
        project=lambda: said_of(path),
        command=given.get("command", ""),
    )
    root, origin = documents.translated(tree, called, given.get("form"), said)
    if isinstance(root.data, dict):
        used = {f"run__{name}" for name in origin.used} if origin else ()
        root = replace(root, data=overlaid(root.data, {key: given[key] for key in given if key not in used}))
    return root, origin


def _revision_source(name: str) -> Source:
    """Return a file of a git revision as a target; one that needs a second file is refused."""

    @cache
    def source(key: str | None) -> Source:
        from lrviz.readers.configs.syntax import named_files

        data = content(name)
        for file in named_files(data, name, key):
            if holds(name, str(file.plain())):
                message = f"names {shown(file.plain())}, and no second file of a revision is read; `git worktree add`"
                raise SpecError(Problem(place=file.place, message=f"{message} checks one out"))
        return file_source(name, data)

    def load(given: Mapping[str, Any]) -> Experiment:
        return source(given.get("key")).load(given)

    def document(given: Mapping[str, Any]) -> Value:
        found = source(given.get("key")).document
        assert found is not None
        return found(given)

    def compared(given: Mapping[str, Any]) -> Overlay | None:
        found = source(given.get("key")).compared
        assert found is not None
        return found(given)

    return replace(file_source(name), load=load, path=None, document=document, compared=compared)


def log_source(name: str) -> Source:
    """Return the log of a run as a target: a file, or a folder that holds one."""
    path = Path(name)

    def load(given: Mapping[str, Any]) -> Experiment:
        raise SpecError(Problem(place=name, message="is the log of a run; it has learning rates, and no schedule"))

    def read(given: Mapping[str, Any]) -> Trace:
        from lrviz.readers.logs import formats

        return formats.read(path, given.get("log_columns"))

    about = f"Show the learning rates in {name}, the log of a run."
    return Source(name, path.stem or "log", about, [], load, path=path, read=read)


def _standard_input() -> bytes:
    """Return what standard input holds; a terminal is told that it is waited for."""
    if sys.stdin.isatty():
        print_note("reading YAML from standard input, until Ctrl-D")
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecError(Problem(place="<stdin>", message=f"cannot be read: {reason}")) from None

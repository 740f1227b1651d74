"""The shapes of lrviz's commands: what `lrviz --help` needs and no more."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from glob import escape, glob
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]  # it is defined one module further in
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from lrviz.cli.report import columns
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.docstrings import docstring

if TYPE_CHECKING:
    from lrviz.cli.targets import Source
    from lrviz.experiment.schedulers import SchedulerSpec

Action = tuple[Callable[..., None], list[inspect.Parameter]]
"""What a verb does with its targets and the values of all flags, and the flags that it adds to those of a target."""

TARGET = (
    "\n\nTARGET is a scheduler's name or its library's name for it, a YAML file, one of a git revision "
    "(HEAD~1:run.yaml), - for standard input, or package.module:Name, a scheduler of your own. Each has flags of its "
    "own, beside those of the run and the optimizer: --help after a target shows them all."
)
LIKENESS = 0.75  # of a flag to one that is suggested: they are short words, and many
WIDEST_HELP = 80  # columns
DURATIONS = "A DURATION is 500 (scheduler steps), 2ep (epochs) or 5% (of the run)."


def spelled(flag: str) -> str:
    """Return a flag as lrviz spells it: torch's `T_max` is `t-max`; a flag of one letter is as it is."""
    return flag.lower().replace("_", "-") if len(flag) > 1 else flag


def _as_given(parameter: Any, ctx: Any, value: Any) -> Any:
    """Return a parameter's value as the command line has it."""
    if parameter.callback is None or ctx.resilient_parsing:  # a shell that completes a line asks for no verdict on it
        return value
    return parameter.callback(ctx, parameter, value)


class _Light:
    """A command that takes its options as they are given, and shows them in plain text under their headings.

    typer checks values with pydantic and draws help with rich's Markdown, whose imports take longer than
    all of lrviz's own; and what a flag of ours may be is for the types of argument in `lrviz.experiment` to say.
    """

    def __init__(self, *args: Any, help: str | None = None, callback: Any = None, **settings: Any) -> None:
        settings |= {"help": help or docstring(callback), "callback": callback}
        super().__init__(*args, **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter.process_value = partial(_as_given, parameter)
        return parameters

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; what typer refuses is a SpecError as all others are."""
        if not args and self.no_args_is_help:  # type: ignore[attr-defined]
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]
        try:
            return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]
        except TyperException as error:
            flag = getattr(error, "option_name", "")
            message = error.format_message()
            message = self._refusal(ctx, flag) if flag else message[:1].lower() + message[1:]
            raise SpecError(Problem(place=flag, message=message)) from None

    def _refusal(self, ctx: Any, flag: str) -> str:
        """Return what is wrong with a flag that typer refuses."""
        known = {name: parameter for parameter in self.get_params(ctx) for name in parameter.opts}
        if flag in known:
            return "takes no value" if known[flag].is_flag else f"needs a value: {known[flag].metavar}"
        names = [name[2:] for name in known if name.startswith("--")]
        begun = [name for name in names if name.startswith(flag[2:])]
        near = nearest(flag[2:], names, LIKENESS) or (f"; did you mean '{begun[0]}'?" if len(begun) == 1 else "")
        return "no such flag" + (near.replace(" '", " '--") or f"; {ctx.command_path} --help shows them")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return how the arguments are written, as the command's flags say it, which name the hidden ones."""
        shown = [parameter for parameter in self.get_params(ctx) if not getattr(parameter, "hidden", False)]
        return [self.options_metavar, *(piece for parameter in shown for piece in parameter.get_usage_pieces(ctx))]  # type: ignore[attr-defined]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.width = min(columns(), WIDEST_HELP) - 2
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row:
                headings.setdefault(parameter.rich_help_panel or "Options", []).append(row)
        for heading, rows in headings.items():
            _write_rows(formatter, heading, rows)


def _write_rows(formatter: Any, heading: str, rows: Sequence[tuple[str, str]]) -> None:
    beside = 30 if formatter.width > 60 else 4  # columns of what a text stands beside, rather than under
    with formatter.section(heading):
        formatter.write_dl(rows, col_max=beside)


class Command(_Light, TyperCommand):
    """A command."""


class CommandGroup(_Light, TyperGroup):
    """A command of commands, each with the whole first line of its help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        rows = [(name, str(command.help).partition("\n\n")[0]) for name, command in self.commands.items()]
        _write_rows(formatter, "Commands", rows)

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line, or complete one for a shell."""
        completion_init()
        return super().main(*args, **settings)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of a name; raises SpecError where there is none."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise SpecError(f"unknown command {shown(args[0])}{self._instead(args[0])}")
        return super().resolve_command(ctx, args)

    def _instead(self, name: str) -> str:
        """Return what somebody meant who gave this name as a command."""
        from lrviz.cli.targets import find

        try:
            return f"; did you mean `lrviz plot {find(name, 'plot').name}`?"
        except SpecError:
            return nearest(name, self.commands) or "; lrviz --help shows them"


class Verb(Command):
    """A command over targets, whose function returns its `Action`: what to do, and which flags that has.

    The command that runs is made for the first target among the arguments, with its flags and `--help`.
    """

    def __init__(self, *, help: str | None, **settings: Any) -> None:
        super().__init__(help=(help or docstring(settings["callback"])) + TARGET, **settings)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of a target's command, unless there is none, or a flag of the verb alone."""
        own = {flag for parameter in self.params for flag in parameter.opts}
        alone = next((place for place, argument in enumerate(args) if _flag(argument) in own), None)
        if alone is not None:
            return super().make_context(info_name, args[alone:], parent, **extra)
        found = self._targets(args)
        if not found:
            return super().make_context(info_name, args, parent, **extra)
        names, rest = [args[place] for place in found], [*args[: found[0]], *args[found[0] + 1 :]]
        try:
            command = self._of_targets(names, shlex.join(["lrviz", str(self.name), *args]))
        except SpecError:
            if not extra.get("resilient_parsing"):
                raise
            command = super()  # a shell completes a line that is not right yet
        return command.make_context(f"{info_name} {names[0]}", rest, parent, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {flag for parameter in self.get_params(ctx) for flag in parameter.opts}
        if not own.intersection(_flag(argument) for argument in args) and not ctx.resilient_parsing:
            line = " ".join(["lrviz", str(self.name), "TARGET", *args])
            raise SpecError(f"there is no target: {line}; cosine is one, and lrviz {self.name} --help shows all")
        return super().parse_args(ctx, args)

    def _targets(self, args: Sequence[str]) -> list[int]:
        """Return where the targets stand among the arguments, up to a flag that nobody knows."""
        places: list[int] = []
        place, is_value = 0, False
        flags = self._flags(args)
        for place, argument in enumerate(args):
            if is_value:
                is_value = False
            elif argument == "--":
                return [*places, *range(place + 1, len(args))]
            elif argument == "-" or not argument.startswith("-"):
                places.append(place)
            else:
                needs = _needs_value(argument, flags)
                if needs is None:
                    break
                is_value = needs
        return places

    def _flags(self, args: Sequence[str]) -> Mapping[str, bool]:
        """Return whether each flag that may stand among the arguments takes a value."""
        given = {_flag(argument) for argument in args if argument.startswith("-")}
        if not given:
            return {}
        from lrviz.cli.flags import with_value
        from lrviz.cli.targets import all_flags, any_flags, find

        assert self.callback is not None
        own = with_value(self.callback()[1]) | {"--help": False, "-h": False}
        try:
            first = own | with_value(all_flags([find(args[0], str(self.name))]))
        except SpecError:  # a flag, or no target, which is told when all are known
            first = own
        return first if given <= first.keys() else own | with_value(any_flags())

    def _of_targets(self, names: Sequence[str], typed: str) -> Any:
        """Return the command of this verb for targets, its signature put together from the flags they take.

        `typed` is the whole command line.
        """
        from lrviz.cli.targets import all_flags

        assert self.callback is not None
        act, own = self.callback()
        sources = self._sources(names)

        def callback(ctx: typer.Context, **given: Any) -> None:
            is_alone = len(sources) == 1 and not (sources[0].path and sources[0].path.is_dir())
            given |= {"command": typed, "among_others": not is_alone}
            if not given.get("watch"):
                act(sources, given)
                return
            from lrviz.cli.watching import files_of, watch

            watch(files_of(sources, given), lambda: act(self._sources(names), given))

        others_type = Annotated[list[str], typer.Argument(hidden=True, autocompletion=targets)]
        others = inspect.Parameter("others", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=others_type)
        return _command(
            callback, [*all_flags(sources), *own, others], name=names[0], help=sources[0].help, epilog=DURATIONS,
            options_metavar=str(self.options_metavar),
        )  # fmt: skip

    def _sources(self, names: Sequence[str]) -> list[Source]:
        """Return targets by their names, each file to be read anew."""
        from lrviz.cli.targets import find, further

        first = find(names[0], str(self.name))
        return [first, *(further(name, first, str(self.name)) for name in names[1:])]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS] TARGET [FLAGS]..."]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        assert self.callback is not None
        super().format_options(ctx, formatter)
        _command(*self.callback(), add_help_option=False).format_options(ctx, formatter)
        _write_rows(formatter, "Schedulers", _scheduler_rows())


def read_flags(source: Source, args: Sequence[str]) -> dict[str, Any]:
    """Return the values of a target's flags as a line of arguments has them; raises SpecError."""
    from lrviz.cli.targets import all_flags

    found: dict[str, Any] = {}
    settings = {"token_normalize_func": spelled}
    command = _command(
        lambda ctx, **given: found.update(given), all_flags([source]), name=source.name, add_help_option=False,
        context_settings=settings,
    )  # fmt: skip
    with command.make_context(f"lrviz plot {source.name}", list(args)) as context:
        command.invoke(context)
    return found


def _command(callback: Callable[..., None], flags: Sequence[inspect.Parameter], **settings: Any) -> Any:
    """Return the command that calls a function with its context and the values of flags."""

    def call(ctx: typer.Context, **given: Any) -> None:
        callback(ctx, **given)

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    call.__signature__ = inspect.Signature([context, *flags])  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (context, *flags)}
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(cls=Command, **settings)(call)
    return typer.main.get_command(single)


def _needs_value(argument: str, flags: Mapping[str, bool]) -> bool | None:
    """Return whether the next argument is the value of a flag such as --lr or -qo; None for a flag nobody knows."""
    if argument.startswith("--"):
        known = flags.get(_flag(argument))
        return known and "=" not in argument
    for place, letter in enumerate(argument[1:], 2):
        known = flags.get(f"-{letter}")
        if known is None or known:
            return known and place == len(argument)
    return False


def _flag(argument: str) -> str:
    """Return the flag of an argument such as --lr=0.1, spelled as lrviz spells it."""
    flag = argument.partition("=")[0]
    return f"--{spelled(flag[2:])}" if flag.startswith("--") else flag


def targets(incomplete: str) -> list[tuple[str, str]]:
    """Return how a target may go on: schedulers, by their libraries' names after a capital letter, and YAML files."""
    from lrviz.experiment.schedulers import catalogue

    names = scheduler_lines()
    if incomplete[:1].isupper():
        specs = [spec for spec in catalogue().values() if spec.on_command_line and (spec.module or spec.library)]
        names = [(name, spec.summary()) for spec in specs for name in (spec.__name__, *spec.aliases)]
    patterns = [f"{escape(incomplete)}*{below}{end}" for below in ("", "/*") for end in (".yaml", ".yml")]
    files = {name for each in patterns for name in glob(each)}  # noqa: PTH207  pathlib drops a ./ that was typed
    return [*names, *((name, "") for name in sorted(files))]


def families(incomplete: str) -> list[tuple[str, str]]:
    """Return what `lrviz list` can be asked for."""
    from lrviz.experiment.schedulers import families

    return [*((family.key, f"schedulers of {family.title}") for family in families()), *scheduler_lines()]


def scheduler_lines() -> list[tuple[str, str]]:
    """Return the name of every scheduler that can be a target, with a line on what it does."""
    from lrviz.experiment.schedulers import catalogue

    return [_line(spec) for spec in catalogue().values() if spec.on_command_line]


def _line(spec: type[SchedulerSpec]) -> tuple[str, str]:
    return spec.name, f"{spec.summary()} ({spec.__name__})" if spec.module else spec.summary()


def _scheduler_rows() -> list[tuple[str, str]]:
    """Return a line for every scheduler that can be a target, but one for several of a library."""
    from lrviz.experiment.schedulers import families

    rows = []
    for family in families():
        shown = [spec for spec in family.specs if spec.on_command_line]
        if family.library and len(shown) > 1:
            rows.append((f"{family.key}-…", f"{len(shown)} of {family.title}: lrviz list {family.key}"))
        else:
            rows += map(_line, shown)
    return rows

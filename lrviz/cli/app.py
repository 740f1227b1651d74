"""Every command and its flags; those of the scheduler, the run and the optimizer are made from their records."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

import lrviz
from lrviz.cli.commands import Action, Command, CommandGroup, Verb, families, spelled, targets
from lrviz.errors import Problem, SpecError, nearest, shown

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")

Target = Annotated[str | None, typer.Argument(hidden=True, autocompletion=targets)]

app = typer.Typer(
    name="lrviz",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,  # lrviz has flags of its own for it, which name the shell
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": spelled},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lrviz {lrviz.__version__}")
        raise typer.Exit


def _shell(context: typer.Context, parameter: typer.CallbackParam, shell: str | None) -> None:
    """Install or show the completion for a shell, by typer's own means."""
    from typer import completion

    if shell is None:
        return
    if shell not in SHELLS:
        message = f"must be one of {', '.join(SHELLS)}, not {shown(shell)}{nearest(shell, SHELLS)}"
        raise SpecError(Problem(place=parameter.opts[0], message=message))
    act = completion.install_callback if parameter.name == "install_completion" else completion.show_callback
    act(context, parameter, shell)


def _completion_flag(name: str, help: str) -> Any:
    return typer.Option(
        name, metavar="|".join(SHELLS), help=f"{help}.", is_eager=True, show_default=False,
        expose_value=False, callback=_shell, autocompletion=lambda: list(SHELLS),
    )  # fmt: skip


@app.callback()
def lrviz_main(
    install_completion: Annotated[
        str | None, _completion_flag("--install-completion", "Install completion for a shell")
    ] = None,
    show_completion: Annotated[
        str | None, _completion_flag("--show-completion", "Print the completion for a shell")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Show what a PyTorch learning-rate schedule will really do.

    For example: lrviz plot onecycle --max-lr 1e-3
    """


@app.command(cls=Verb, options_metavar="[OPTIONS] [TARGET]...")
def plot(target: Target = None) -> Action:
    """Draw a schedule as PNG, SVG or PDF."""
    from lrviz.cli import flags, plot
    from lrviz.render.figure.output import FORMATS

    return plot.plot, [
        flags.text(
            "output", "Figure", "PATH", "where to write: the suffix decides (.png, .svg, .pdf); - for a pipe, with "
            "--format; default the scheduler's name .png", "-o", "--output",
        ),
        flags.choice("format", "Figure", FORMATS, "format of what goes to a pipe"),
        flags.text("title", "Figure", "TEXT", "title of the figure, '' for none; default the scheduler's name"),
        *plot.FIGURE.parameters(),
        _watch_flag(),
        *_compare_flags(),
        *_log_flags(),
        *_replay_flags(),
    ]  # fmt: skip


@app.command(cls=Verb, options_metavar="[OPTIONS] [TARGET]...")
def show(target: Target = None) -> Action:
    """Draw a schedule in the terminal."""
    from lrviz.cli import flags, show

    return show.show, [
        *show.CHART.parameters(),
        flags.text("title", "Chart", "TEXT", "title of the chart, '' for none; default the scheduler's name"),
        flags.switch("picture", "Chart", "the figure itself, in a terminal that shows pictures"),
        _watch_flag(),
        *_compare_flags(),
        *_log_flags(),
        *_replay_flags(),
    ]


@app.command(cls=Verb, options_metavar="[OPTIONS] [TARGET]...")
def table(target: Target = None) -> Action:
    """Print a schedule as a table, or as CSV, JSON or Markdown."""
    from lrviz.cli import flags, table

    return table.table, [
        flags.count("every", "Table", "show every Nth step, and the last"),
        flags.text("at", "Table", "PLACE,…", "the learning rates there alone: 12345 (a step), 31.5ep, 50%"),
        flags.choice("format", "Table", table.FORMATS, "csv, json and markdown have one row for every step", "table"),
        flags.text("title", "Table", "TEXT", "title of the table; default the scheduler's name"),
        *_compare_flags(),
        *_log_flags(),
        *_replay_flags(),
    ]


@app.command(cls=Verb, options_metavar="[OPTIONS] [TARGET]")
def diff(target: Target = None) -> Action:
    """Say whether two schedules are equal, where they differ, and what explains it; exit with 1 where they differ."""
    from lrviz.cli import diff, flags, resuming
    from lrviz.difference import BY

    return diff.diff, [
        flags.choice("by", "Diff", BY, "what is compared: the same step, or the same share of an epoch or run", "step"),
        flags.text(
            "tolerance", "Diff", "FLOAT", "how far apart equal values may be, as a share of the curve's largest one; "
            "default 0",
        ),
        flags.choice("format", "Diff", diff.FORMATS, "a report to read; or JSON, Markdown", "text"),
        *_compare_flags(),
        *resuming.parameters(),
        _columns_flag(),
        flags.switch("quiet", "Replay", "no notes; errors stay", "-q", "--quiet"),
        _engine_flag(),
    ]  # fmt: skip


def _watch_flag() -> inspect.Parameter:
    from lrviz.cli import flags

    return flags.switch("watch", "Replay", "do it again whenever a target's file changes, until Ctrl-C")


def _compare_flags() -> list[inspect.Parameter]:
    from lrviz.cli import flags

    return [
        flags.repeated(
            "also", "Compare", "'TARGET FLAGS'", "another target, with flags of its own; repeatable", flag="--with"
        ),
        flags.repeated(
            "sweep", "Compare", "NAME=A,B,…", "an argument, or a dotted key as --set takes it, and each value that it "
            "is to have; twice for a grid",
        ),
    ]  # fmt: skip


def _replay_flags() -> list[inspect.Parameter]:
    from lrviz.cli import flags, resuming

    return [
        *resuming.parameters(),
        flags.switch("train", "Replay", "train a toy problem under the schedule, and show its loss"),
        flags.switch(
            "partial", "Replay", "where torch raises, still show what came before; the exit code is 1 all the same"
        ),
        flags.switch("no_check", "Replay", "neither say nor mark what lrviz check finds"),
        flags.switch("quiet", "Replay", "no notes, findings or lines on the run; errors stay", "-q", "--quiet"),
        _engine_flag(),
    ]


def _log_flags() -> list[inspect.Parameter]:
    from lrviz.cli import flags

    message = "the log of a run, or its folder, to lay over the schedule: did the run follow it?"
    return [flags.text("log", "Log", "PATH", message), _columns_flag()]


def _columns_flag() -> inspect.Parameter:
    from lrviz.cli import flags

    message = "columns of a log that is CSV, or the tag of one in TensorBoard, where their names do not say it"
    return flags.text("log_columns", "Log", "STEP,LR[,MOMENTUM]", message)


def _engine_flag() -> inspect.Parameter:
    from lrviz.cli import flags

    engines = ("auto", "torch", "light", "upstream")
    message = (
        "what replays: torch, or its scheduler files alone (see lrviz engines); upstream: the installed class of the "
        "library that the schedule is from"
    )
    return flags.choice("engine", "Replay", engines, message, "auto")


def _explain_rule(name: str | None) -> None:
    if name is not None:
        from lrviz.cli.about import explain_rule

        explain_rule(name)
        raise typer.Exit


def _list_rules(wanted: bool) -> None:
    if wanted:
        from lrviz.cli.about import show_rules

        show_rules()
        raise typer.Exit


def _rule_names() -> list[tuple[str, str]]:
    from lrviz.rules import RULES

    return [(rule.name, rule.summary) for rule in RULES.values()]


@app.command(cls=Verb, options_metavar="[OPTIONS] [FILE]...")
def check(
    target: Target = None,
    rules: Annotated[
        bool,
        typer.Option("--list", help="Show every rule with one line on what it finds.", is_eager=True,
                     callback=_list_rules),
    ] = False,
    rule: Annotated[
        str | None,
        typer.Option("--explain", metavar="RULE", help="Say why a rule matters, with an example and what to write "
                     "instead.", is_eager=True, callback=_explain_rule, show_default=False, autocompletion=_rule_names),
    ] = None,
) -> Action:  # fmt: skip
    """Find what is wrong with schedules, before the run; exit with 1 where there is an error.

    It takes any number of files, and folders of them.
    """
    from lrviz.cli import check, flags, resuming

    return check.check, [
        flags.switch("strict", "Check", "exit with 1 for a warning, too"),
        flags.switch("no_strict", "Check", "exit with 1 for errors alone, whatever pyproject.toml says"),
        flags.switch(
            "fix", "Check", "make the fixes in the files, each where its finding is gone with it and no error new"
        ),
        flags.switch("diff", "Check", "show what --fix would change, and write nothing"),
        flags.repeated("select", "Check", "RULE,…", "the only rules to look at", _rule_names),
        flags.repeated("ignore", "Check", "RULE,…", "rules to leave out", _rule_names),
        flags.repeated("error", "Check", "RULE,…", "rules whose findings are errors", _rule_names),
        flags.choice("format", "Check", check.FORMATS, "panels to read; or JSON, GitHub's annotations, SARIF", "text"),
        *resuming.parameters(),
        *_compare_flags(),
        _columns_flag(),
        _engine_flag(),
    ]


@app.command("list", cls=Command)
def list_schedulers(
    name: Annotated[
        str | None,
        typer.Argument(metavar="FAMILY|SCHEDULER", autocompletion=families, show_default=False,
                       help="Those of torch, of no library (by-hand) or of one library; or all of one scheduler."),
    ] = None,
) -> None:  # fmt: skip
    """Show every scheduler: its shape, its torch class and what it must be given."""
    from lrviz.cli.about import show_schedulers

    show_schedulers(name)


@app.command("gallery", cls=Command)
def draw_gallery(
    configs: Annotated[
        str | None, typer.Option("--configs", metavar="DIR", help="Experiments to draw.", show_default="lrviz's own")
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = "gallery",
    formats: Annotated[str, typer.Option("--formats", metavar="LIST", help="Of png, svg, pdf.")] = "png,svg",
    allow_import: Annotated[
        list[str],
        typer.Option("--allow-import", metavar="MODULE", help="Let files name schedulers of it.", show_default=False),
    ] = [],  # noqa: B006  typer copies it
    allow_files: Annotated[
        list[str],
        typer.Option("--allow-files", metavar="DIR", help="Let files read metrics below it.", show_default=False),
    ] = [],  # noqa: B006  typer copies it
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 and a list of what drifted.", show_default=False)
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove figures that no experiment makes any more.", show_default=False)
    ] = False,
    format: Annotated[str, typer.Option("--format", metavar="text|json", help="What --check prints.")] = "text",
) -> None:
    """Draw every figure of a folder of experiments and its sub-folders, with summaries and an index."""
    from lrviz.cli import gallery

    asked = gallery.Asked(configs, output, formats, allow_import, allow_files)
    gallery.check(asked, format, prune=prune) if check else gallery.draw(asked, format, prune=prune)


@app.command(cls=Verb)
def code(target: Target = None) -> Action:
    """Print the Python that trains with a schedule: optimizer, scheduler and the loop."""
    from lrviz.cli import code, flags
    from lrviz.render.text.code.script import FORMS

    return code.code, [
        flags.choice(
            "form_of_code", "Code", FORMS, "torch: no other library, where that is short; lightning: "
            "configure_optimizers; transformers: TrainingArguments, or a Trainer with optimizer and scheduler; "
            "default the class of the schedule's own library in a plain loop", flag="--as",
        ),
        flags.text("output", "Code", "PATH", "write it to a file, whole or not at all", "-o", "--output"),
    ]  # fmt: skip


@app.command(cls=Verb, no_args_is_help=True)
def convert(target: Target = None) -> Action:
    """Print the YAML that a trainer's config or script comes to, with the key that each line is from."""
    from lrviz.cli import convert

    return convert.convert, []


@app.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of the YAML format, for editors to complete it."""
    import json

    from lrviz.documents import SECTIONS
    from lrviz.experiment.schema import json_schema

    typer.echo(json.dumps(json_schema(SECTIONS), indent=2))


@app.command("engines", cls=Command)
def show_engines(
    certify: Annotated[
        bool, typer.Option("--certify", help="Compare the engines now, and say what was compared.", show_default=False)
    ] = False,
) -> None:
    """Say which engine would replay, and why."""
    from lrviz.cli import about

    about.certify_engines() if certify else about.show_engine()

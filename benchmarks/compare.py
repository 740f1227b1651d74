"""Run lrviz beside what a user would do instead, in the same run, and print Markdown tables.

    python benchmarks/compare.py                 # a few minutes; the README's numbers
    python benchmarks/compare.py --small         # a few seconds: does it still work?

Every figure is the median over rounds; in a round each contender runs once, one after another, and a
ratio is the median of the rounds' own ratios, so that a machine that slows down slows all of them.
Memory is the peak resident set of the process. Exits 1 if a contender fails; never judges a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import configs

HERE = Path(__file__).parent
LRVIZ = (sys.executable, "-m", "lrviz")
ONE_CYCLE = ("onecycle", "--max-lr", "1e-3")
HF_COSINE = ("hf-cosine", "--num-warmup-steps", "4")
YAML = """\
run: {epochs: 4, steps_per_epoch: 8}
scheduler: {name: onecycle, max_lr: 1e-3}
"""
ONE = """\
run: {steps: STEPS}
optimizer: {lr: 1e-3}
scheduler: {name: cosine}
"""
OVERLAID = 30
LOOPS = {
    "article": "the article's loop (optimizer.step, scheduler.step)",
    "bare": "bare scheduler.step",
    "ignite": "ignite's LRScheduler.simulate_values",
    "torch": "lrviz, torch engine",
    "light": "lrviz, light engine",
}


@dataclass(frozen=True)
class Ended:
    """One process: wall time in seconds, peak memory in bytes, and what it printed."""

    seconds: float
    memory: int
    out: str


@dataclass
class Contender:
    """A command under a name, and how its runs ended."""

    name: str
    command: Sequence[str]
    target: float | None = None  # at most so many times the first contender
    runs: list[Ended] = field(default_factory=list)
    failure: str = ""

    def run(self, folder: Path, environment: dict[str, str]) -> None:
        """Run once more, unless it failed before."""
        if self.failure:
            return
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.perf_counter()
            process = subprocess.Popen(self.command, stdout=out, stderr=err, cwd=folder, env=environment)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                err.seek(0)
                lines = err.read().decode(errors="replace").splitlines()
                said = [line.strip(" │|") for line in lines if any(map(str.isalpha, line))]
                self.failure = f"exit {process.returncode}: {said[-1] if said else ''}"
                return
            out.seek(0)
            unit = 1 if sys.platform == "darwin" else 1024
            self.runs.append(Ended(seconds, usage.ru_maxrss * unit, out.read().decode(errors="replace")))


def main() -> int:
    """Run all tables and print them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="once and short: to see that it works")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of short processes (default: 7)")
    parser.add_argument("--large", action="store_true", help="also 10,000,000 steps")
    arguments = parser.parse_args()
    rounds = 1 if arguments.small else arguments.rounds
    sizes = (32, 1_000) if arguments.small else (32, 10_000, 1_000_000)
    long = 10_000 if arguments.small else 1_000_000
    with tempfile.TemporaryDirectory(prefix="lrviz-benchmark-") as temporary:
        folder = Path(temporary)
        (folder / "a.yaml").write_text(YAML)
        configs.write(folder)
        one = ONE.replace("STEPS", "1000" if arguments.small else "10000")
        (folder / "one.yaml").write_text(one)
        lines = [f"  - {{label: eta_min {n}e-5, scheduler: {{eta_min: {n}e-5}}}}" for n in range(OVERLAID)]
        (folder / "overlay.yaml").write_text("\n".join([one + "overlay:", *lines]))
        (folder / "many").mkdir()
        for number in range(100):
            (folder / "many" / f"{number:03}.yaml").write_text(YAML.replace("1e-3", f"{number + 1}e-4"))
        environment = {**os.environ, "LRVIZ_CACHE_DIR": str(folder / "cache"), "MPLBACKEND": "agg"}
        environment["PYTHONPATH"] = os.pathsep.join((str(HERE.parent), os.environ.get("PYTHONPATH", "")))
        say = Report(folder, environment)
        say.line(_machine())
        say.processes("First run", "whole process", _first(), 1)
        say.processes("One figure, one table, one check: 32 steps", "whole process", _figures(), rounds)
        say.processes("Trainers' configs", "whole process", _configs(), rounds)
        say.processes("The whole gallery, PNG and SVG", "whole process", _gallery(), min(rounds, 3))
        say.processes(f"{OVERLAID} schedules in one figure", "whole process", _overlay(), rounds)
        say.processes("Several schedules: 32 steps", "whole process", _several(), rounds)
        say.processes("Start-up", "whole process", _startup(), rounds)
        for size in sizes:
            say.loops(size, _loops(size), min(rounds, 3) if size > 100_000 else rounds)
        say.processes(f"{long:,} steps", "whole process", _long(long), 1)
        if arguments.large:
            say.processes("10,000,000 steps", "whole process", _long(10_000_000), 1)
    return 1 if say.failed else 0


def _machine() -> str:
    parts = [f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}", f"Python {platform.python_version()}"]
    for name in ("torch", "matplotlib", "pytorch-ignite"):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            parts.append(f"{name} not installed (left out)")
    return "; ".join(parts)


def _first() -> list[Contender]:
    return [
        Contender("the article's script", (sys.executable, str(HERE / "article.py"), "a.png")),
        Contender("lrviz plot, which compares the engines", (*LRVIZ, "plot", *ONE_CYCLE, "-o", "b.png")),
    ]


def _figures() -> list[Contender]:
    return [
        Contender("the article's script", (sys.executable, str(HERE / "article.py"), "a.png")),
        Contender("lrviz plot", (*LRVIZ, "plot", *ONE_CYCLE, "-o", "b.png"), 0.25),
        Contender("lrviz plot --engine torch", (*LRVIZ, "plot", *ONE_CYCLE, "--engine", "torch", "-o", "c.png"), 1.05),
        Contender("lrviz plot hf-cosine", (*LRVIZ, "plot", *HF_COSINE, "-o", "d.png"), 0.25),
        Contender("lrviz table", (*LRVIZ, "table", *ONE_CYCLE), 0.12),
        Contender("lrviz show", (*LRVIZ, "show", *ONE_CYCLE), 0.12),
        Contender("lrviz check a.yaml", (*LRVIZ, "check", "a.yaml"), 0.15),
        Contender("python, torch and the loop, no figure", (sys.executable, str(HERE / "loops.py"), "article", "32")),
    ]


def _configs() -> list[Contender]:
    return [
        Contender("the article's script", (sys.executable, str(HERE / "article.py"), "a.png")),
        Contender("lrviz check of one config", (*LRVIZ, "check", "one"), 0.15),
        Contender("lrviz check of 50 configs", (*LRVIZ, "check", "fifty"), 1.0),
    ]


def _gallery() -> list[Contender]:
    return [
        Contender("the article's script, for one figure", (sys.executable, str(HERE / "article.py"), "a.png")),
        Contender("lrviz gallery", (*LRVIZ, "gallery", "--configs", str(HERE.parent / "configs"), "-o", "all"), 1.5),
    ]


def _overlay() -> list[Contender]:
    facets = (*LRVIZ, "plot", "overlay.yaml", "--facets", "-o", "facets.png")
    return [
        Contender("lrviz plot, one of 10,000 steps", (*LRVIZ, "plot", "one.yaml", "-o", "one.png")),
        Contender(f"{OVERLAID} of them overlaid", (*LRVIZ, "plot", "overlay.yaml", "-o", "overlay.png"), 2.5),
        Contender(f"{OVERLAID} of them in facets", facets),
    ]


def _several() -> list[Contender]:
    names = [f"many/{number:03}.yaml" for number in range(100)]
    return [
        Contender("the article's script, for one figure", (sys.executable, str(HERE / "article.py"), "a.png")),
        Contender("lrviz table of 100 files", (*LRVIZ, "table", *names), 0.5),
    ]


def _startup() -> list[Contender]:
    return [
        Contender("python -c pass", (sys.executable, "-c", "pass")),
        Contender("lrviz --help", (*LRVIZ, "--help")),
        Contender("lrviz list", (*LRVIZ, "list")),
        Contender("lrviz plot onecycle --help", (*LRVIZ, "plot", "onecycle", "--help")),
    ]


def _loops(steps: int) -> list[Contender]:
    ways = [way for way in LOOPS if way != "ignite" or find_spec("ignite")]
    return [Contender(LOOPS[way], (sys.executable, str(HERE / "loops.py"), way, str(steps))) for way in ways]


def _long(steps: int) -> list[Contender]:
    run = ("--epochs", "1", "--steps-per-epoch", str(steps))
    return [
        Contender(f"lrviz plot, {form.upper()}", (*LRVIZ, "plot", *ONE_CYCLE, *run, "-o", f"long.{form}"))
        for form in ("png", "svg")
    ] + [Contender("lrviz table", (*LRVIZ, "table", *ONE_CYCLE, *run))]


class Report:
    """Runs contenders and prints a table of each set."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.failed = False

    def line(self, text: str = "") -> None:
        """Print a line at once: the run takes minutes."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def run(self, contenders: Sequence[Contender], rounds: int) -> None:
        """Run every contender once in every round."""
        for _ in range(rounds):
            for contender in contenders:
                contender.run(self.folder, self.environment)
        self.failed = self.failed or any(contender.failure for contender in contenders)

    def processes(self, title: str, unit: str, contenders: Sequence[Contender], rounds: int) -> None:
        """Print whole processes: wall time, its ratio to the first contender's, and peak memory."""
        self.run(contenders, rounds)
        self.line(f"\n### {title}\n")
        self.line(f"| {unit} | seconds | ratio | target | peak memory |\n|---|---:|---:|---:|---:|")
        for contender, ratio in _ratios(contenders, lambda ended: ended.seconds):
            if contender.failure:
                self.line(f"| {contender.name} | {contender.failure} | | | |")
                continue
            seconds = statistics.median(ended.seconds for ended in contender.runs)
            target = "" if contender.target is None else f"≤ {contender.target:g}"
            self.line(f"| {contender.name} | {seconds:.2f} | {ratio:.2f} | {target} | {_memory(contender)} |")
        for path in sorted(self.folder.glob("long.*")):
            self.line(f"\n{path.suffix[1:].upper()} file: {path.stat().st_size / 1e3:.0f} kB")
            path.unlink()

    def loops(self, steps: int, contenders: Sequence[Contender], rounds: int) -> None:
        """Print the cost of the steps alone, as each process measured it itself."""
        self.run(contenders, rounds)
        self.line(f"\n### {steps:,} steps, imports not counted\n")
        self.line("| loop | steps/s | us a step | time / bare | peak memory |\n|---|---:|---:|---:|---:|")
        bare = next(contender for contender in contenders if contender.name == LOOPS["bare"])
        for contender, ratio in _ratios(contenders, lambda ended: float(ended.out), bare):
            if contender.failure:
                self.line(f"| {contender.name} | {contender.failure} | | | |")
                continue
            seconds = statistics.median(float(ended.out) for ended in contender.runs)
            speed = f"{steps / seconds:,.0f} | {seconds / steps * 1e6:.2f}"
            self.line(f"| {contender.name} | {speed} | {ratio:.2f} | {_memory(contender)} |")


def _ratios(
    contenders: Sequence[Contender], measure: Callable[[Ended], float], base: Contender | None = None
) -> Iterator[tuple[Contender, float]]:
    """Yield each contender with the median of its ratios to the base, round by round."""
    rounds = [measure(ended) for ended in (base or contenders[0]).runs]
    for contender in contenders:
        own = [measure(ended) for ended in contender.runs]
        ratios = [mine / other for mine, other in zip(own, rounds, strict=False)]
        yield contender, statistics.median(ratios or [float("nan")])


def _memory(contender: Contender) -> str:
    return f"{max(ended.memory for ended in contender.runs) / 1e6:,.0f} MB"


if __name__ == "__main__":
    sys.exit(main())

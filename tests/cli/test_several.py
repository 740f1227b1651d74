"""Several targets on one command line: in line, by --with and by --sweep."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

ONECYCLE = "scheduler: {name: onecycle, max_lr: 1e-3}\n"


@pytest.fixture
def files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONECYCLE)
    (tmp_path / "b.yaml").write_text(ONECYCLE.replace("1e-3", "3e-3"))


def names(ended) -> list[str]:
    """Return what the lines of a plot call its schedules."""
    assert ended.code == 0, ended.err
    return [line.rpartition(": first ")[0] for line in ended.out.splitlines()[1:]]


@pytest.mark.usefixtures("files")
def test_several_targets_are_one_figure_and_a_line_each(lrviz):
    ended = lrviz("plot", "a.yaml", "b.yaml")
    assert ended.out.startswith("wrote compare.png: 2 schedules, torch ")
    assert names(ended) == ["max_lr 0.001", "max_lr 0.003"]
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "arguments",
    [
        ("a.yaml", "cosine", "--t-max", "32", "step", "--step-size", "4"),
        ("--t-max", "32", "a.yaml", "cosine", "--step-size=4", "step"),
        ("a.yaml", "--T_max", "32", "--step-size", "4", "--", "cosine", "step"),
        ("a.yaml", "-qo", "compare.png", "cosine", "step", "--step-size", "4"),
    ],
)
def test_a_flag_lies_over_every_target_that_has_it(lrviz, arguments):
    assert names(lrviz("plot", *arguments)) == ["OneCycleLR", "CosineAnnealingLR", "StepLR"]


def test_flags_of_the_run_lie_over_all(lrviz):
    ended = lrviz("plot", "cosine", "step", "--step-size", "4", "--epochs", "2")
    assert [line.rpartition("; ")[2] for line in ended.out.splitlines()[1:]] == ["16 steps", "16 steps"]


def test_the_title_is_that_of_the_figure(lrviz):
    ended = lrviz("plot", "cosine", "step", "--step-size", "4", "--title", "Both", "-o", "a.svg")
    assert names(ended) == ["CosineAnnealingLR", "StepLR"]
    assert "Both" in Path("a.svg").read_text()


@pytest.mark.usefixtures("files")
def test_findings_have_the_name_of_their_schedule(lrviz):
    ended = lrviz("plot", "a.yaml", "cosine", "--t-max", "20")
    assert ended.err.startswith("check: CosineAnnealingLR: error cosine-rebound: CosineAnnealingLR is at its lowest")
    assert "after --t-max 20 of 32 steps" in ended.err
    assert lrviz("plot", "a.yaml", "cosine", "--t-max", "20", "-q").err == ""


def test_what_is_true_of_all_is_said_once(lrviz):
    clock = ("--dataset-size", "256", "--batch-size", "8")
    both = lrviz("plot", "cosine", "step", "--step-size", "4", *clock)
    assert both.out.count("run: 4 epochs of 32 = 128 optimizer steps") == 1
    differing = lrviz("plot", "cosine", *clock, "--sweep", "epochs=1,2")
    assert "batches" not in differing.out


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("a.yaml", "c.yaml"), ["c.yaml: cannot be read: No such file or directory"]),
        (("c.yaml", "d.yaml"), [f"{name}: cannot be read: No such file or directory" for name in ("c.yaml", "d.yaml")]),
        (("a.yaml", "cosine", "--epochs", "0"), [f"{name}: --epochs: must be a" for name in ("a.yaml", "cosine")]),
        (("a.yaml", "cosine", "--mx-lr", "1"), ["--mx-lr: no such flag; lrviz plot a.yaml --help shows them"]),
        (("onecycle", "cosine", "--mx-lr", "1"), ["--mx-lr: no such flag; did you mean '--max-lr'?"]),
        (("cosine", "--sweep", "lr=1", "cosne"), ["unknown target 'cosne'; did you mean 'cosine'?"]),
        (("cosine", "step"), ["step: step needs --step-size"]),
        (("a.yaml", "cosine", "--train"), ["--train: shows the loss of one schedule; 2 are given"]),
        (("a.yaml", "cosine", "--annotate"), ["--annotate: shows the parameters of one schedule; 2 are given"]),
        (("a.yaml",) * 101, ["101 schedules are asked for; at most 100 at once"]),
        (("constant", "swa", "--swa-lr", "1", "--steps", "9999999", *("--with", "step --step-size 9") * 9),
         ["11 schedules change a learning rate 109,999,989 times in all; at most 100,000,000"]),
    ],
)  # fmt: skip
def test_bad_input_says_whose_it_is_and_writes_nothing(lrviz, arguments, lines):
    ended = lrviz("plot", *arguments)
    assert ended.code == 2
    found = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert [line[7 : 7 + len(start)] for line, start in zip(found, lines, strict=True)] == lines
    assert not Path("compare.png").exists()


class TestWith:
    """`--with 'TARGET FLAGS'`."""

    def test_it_adds_a_target_with_flags_of_its_own(self, lrviz):
        added = ("--with", "onecycle --max-lr 3e-3", "--with", "onecycle --max_lr=1e-3")
        assert names(lrviz("plot", "cosine", *added)) == [
            "CosineAnnealingLR",
            "OneCycleLR, max_lr 0.003",
            "OneCycleLR, max_lr 0.001",
        ]

    @pytest.mark.parametrize(
        ("main", "beside", "settings"),
        [
            (("--epochs", "3"), "step --step-size 4", {"run": {"epochs": 3}}),
            (("--epochs", "3"), "step --step-size 4 --epochs 2", {"run": {"epochs": 2}}),
            (("--epochs", "3"), "step --step-size 4 --steps 20", {"run": {"epochs": None, "steps": 20}}),
            (("--lr", "1"), "step --step-size 4", {"optimizer": {"lr": 1.0}}),
            (("--lr", "1"), "step --step-size 4 --lr 2", {"optimizer": {"lr": 2.0}}),
            (("--set", "run.epochs=3"), "step --step-size 4", {"run": {"epochs": 3}}),
            (("--set", "run.epochs=3"), "step --step-size 4 --set run.epochs=2", {"run": {"epochs": 2}}),
            (("--set", "scheduler.eta_min=0.1"), "step --step-size 4", {"scheduler": {"eta_min": None}}),
            (("--no-drop-last",), "step --step-size 4 --drop-last --dataset-size 50 --batch-size 8",
             {"run": {"drop_last": True}}),
        ],
    )  # fmt: skip
    def test_the_run_and_the_optimizer_are_those_of_the_line_unless_it_says_them(self, lrviz, main, beside, settings):
        ended = lrviz("table", "cosine", *main, "--with", beside, "--format", "json")
        assert ended.code == 0, ended.err
        subject = json.loads(ended.out)["subjects"][1]
        for section, values in settings.items():
            assert {name: subject[section].get(name) for name in values} == values

    def test_groups_are_those_of_the_line_unless_it_has_its_own(self, lrviz):
        line = ("table", "cosine", "--group", "a=1", "--group", "b=2", "--format", "json")
        ended = lrviz(*line, "--with", "cosine", "--with", "cosine --group c=3")
        groups = [list(subject["rows"][0]["lr"]) for subject in json.loads(ended.out)["subjects"][:2]]
        assert groups == [["a", "b"], ["a", "b"]]
        assert json.loads(ended.out)["subjects"][2]["rows"][0]["lr"] == 3

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "--with '': must begin with a target, such as 'onecycle --max-lr 3e-3'"),
            ("--max-lr 1 onecycle", "must begin with a target"),
            ("onecycle", "--with 'onecycle': onecycle needs --max-lr (highest learning rate)"),
            ("cosne", "--with 'cosne': unknown target 'cosne'; did you mean 'cosine'?"),
            ("onecycle --mx-lr 1", "--with 'onecycle --mx-lr 1': --mx-lr: no such flag; did you mean '--max-lr'?"),
            ("onecycle --max-lr", "--with 'onecycle --max-lr': --max-lr: needs a value"),
            (
                "onecycle --max-lr 1 --epochs 0",
                "--with 'onecycle --max-lr 1 --…: --epochs: must be a whole number >= 1",
            ),
            ("none.yaml", "--with 'none.yaml': none.yaml: cannot be read"),
            ("cosine 'b", "no closing quotation"),
            ("cosine step", "unexpected extra argument"),
            ("cosine --theme dark", "--theme: no such flag"),
        ],
    )
    def test_an_error_says_of_which(self, lrviz, text, message):
        ended = lrviz("table", "cosine", "--with", text)
        assert ended.code == 2
        assert message in " ".join(ended.err.split())


class TestSweep:
    """`--sweep NAME=A,B`."""

    @pytest.mark.usefixtures("files")
    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (("onecycle", "--sweep", "max_lr=1e-3,3e-3"), ["max_lr 1e-3", "max_lr 3e-3"]),
            (("onecycle", "--sweep", "--max-lr=1,2"), ["max_lr 1", "max_lr 2"]),
            (("cosine", "--sweep", "t-max=16,32"), ["T_max 16", "T_max 32"]),
            (("cosine", "--sweep", "epochs=1,2"), ["epochs 1", "epochs 2"]),
            (("cosine", "--sweep", "lr=1e-3,2e-3"), ["lr 1e-3", "lr 2e-3"]),
            (("cosine", "--sweep", "optimizer=sgd,adam"), ["optimizer sgd", "optimizer adam"]),
            (("cosine", "--sweep", "warmup=2,4"), ["warmup 2", "warmup 4"]),
            (("multistep", "--sweep", "milestones=[8,16],[4]"), ["milestones [8,16]", "milestones [4]"]),
            (("onecycle", "--max-lr", "1", "--sweep", "three_phase=true,false"),
             ["three_phase true", "three_phase false"]),
            (("a.yaml", "--sweep", "pct_start=0.1,0.5"), ["pct_start 0.1", "pct_start 0.5"]),
            (("a.yaml", "--sweep", "scheduler.pct_start=0.1,0.5"), ["pct_start 0.1", "pct_start 0.5"]),
            (("a.yaml", "--sweep", "pct_start=0.1,0.5", "--sweep", "epochs=1,2"),
             [f"pct_start {share}, epochs {epochs}" for share in (0.1, 0.5) for epochs in (1, 2)]),
            (("a.yaml", "cosine", "--sweep", "pct_start=0.1,0.5"),
             ["OneCycleLR, pct_start 0.1", "OneCycleLR, pct_start 0.5", "CosineAnnealingLR"]),
            (("onecycle", "--with", "onecycle --max-lr 5", "--sweep", "max_lr=1,2"),
             ["max_lr 1", "max_lr 2", "max_lr 5"]),
            (("cosine", "--with", "onecycle --pct-start 0.4", "--sweep", "max_lr=1,2"),
             ["CosineAnnealingLR", "OneCycleLR, max_lr 1", "OneCycleLR, max_lr 2"]),
        ],
    )  # fmt: skip
    def test_every_value_is_a_schedule(self, lrviz, arguments, expected):
        assert names(lrviz("plot", *arguments, "-q")) == expected

    @pytest.mark.parametrize(
        ("sweep", "path"),
        [("max_lr=1,2", "scheduler.max_lr"), ("epochs=1,2", "run.epochs"), ("lr=1,2", "optimizer.lr")],
    )
    def test_what_is_swept_is_what_is_replayed(self, lrviz, sweep, path):
        given = () if "max_lr" in sweep else ("--max-lr", "1")
        ended = lrviz("table", "onecycle", *given, "--sweep", sweep, "--format", "json")
        section, name = path.split(".")
        assert [subject[section][name] for subject in json.loads(ended.out)["subjects"]] == [1, 2]

    def test_an_argument_inside_a_composite_has_its_path(self, lrviz, tmp_path):
        (tmp_path / "a.yaml").write_text(
            "scheduler: {name: sequential, milestones: [8], schedulers: [{name: linear}, {name: cosine, T_max: 9}]}\n"
        )
        path = "scheduler.schedulers[1].T_max"
        message = f"error: --sweep T_max: a.yaml has no such argument; write {path}\n"
        assert lrviz("plot", "a.yaml", "--sweep", "T_max=10,20").err == message
        found = names(lrviz("plot", "a.yaml", "--sweep", f"{path}=10,20"))
        assert found == ["schedulers[1].T_max 10", "schedulers[1].T_max 20"]

    def test_a_trainers_config_is_read_with_each_value(self, lrviz, tmp_path):
        (tmp_path / "args.yaml").write_text(
            "output_dir: out\nlearning_rate: 2.0e-5\nlr_scheduler_type: cosine\nwarmup_ratio: 0.1\n"
            "num_train_epochs: 1\nper_device_train_batch_size: 8\n"
        )
        line = ("table", "args.yaml", "--world-size", "1", "--format", "json")
        ended = lrviz(*line, "--sweep", "dataset_size=80,160")
        warmups = [subject["scheduler"]["num_warmup_steps"] for subject in json.loads(ended.out)["subjects"]]
        assert warmups == [1, 2]
        ended = lrviz(*line, "--dataset-size", "800", "--sweep", "num_warmup_steps=3,7")
        warmups = [subject["scheduler"]["num_warmup_steps"] for subject in json.loads(ended.out)["subjects"]]
        assert warmups == [3, 7]
        assert lrviz(*line, "--sweep", "num_warmup_steps=3").err.startswith("error: args.yaml: the file does not say")

    def test_standard_input_is_read_once_for_all(self, lrviz, monkeypatch):
        stream = io.TextIOWrapper(io.BytesIO(ONECYCLE.encode()))
        monkeypatch.setattr(sys, "stdin", stream)
        assert names(lrviz("plot", "-", "--sweep", "max_lr=1,2")) == ["max_lr 1", "max_lr 2"]

    @pytest.mark.usefixtures("files")
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("onecycle", "max_lt=1,2"), "--sweep max_lt: onecycle has no such argument; did you mean 'max_lr'?"),
            (("a.yaml", "pct-strat=1,2"), "--sweep pct-strat: a.yaml has no such argument; did you mean 'pct_start'?"),
            (("mine:Mine", "gamma=1,2"), "--sweep gamma: mine:Mine has no such argument; write scheduler.args.gamma"),
            (("a.yaml", "pct_start=0.5,7"), "--sweep pct_start=7: must be >= 0 and <= 1, not 7"),
            (("onecycle", "max_lr=1,fast"), "--sweep max_lr=fast: must be a number > 0, not 'fast'"),
            (("cosine", "epochs=0,1"), "--sweep epochs=0: must be a whole number >= 1, not 0"),
            (("cosine", "nested.path=1"), "--sweep nested.path=1: unknown key; known are title, run"),
            (("a.yaml", "scheduler.nosuch=1"), "--sweep scheduler.nosuch=1: "),
            (("onecycle", "max_lr=1", "--max-lr", "2"), "--sweep max_lr=1: contradicts --max-lr"),
            (("a.yaml", "pct_start=0.2", "--set", "scheduler.pct_start=0.1"), "--sweep pct_start=0.2: "),
            (("onecycle", "three_phase=maybe"), "--sweep three_phase=maybe: must be true or false, not 'maybe'"),
            (("onecycle", "max_lr"), "--sweep: must be NAME=VALUE,VALUE,…, such as max_lr=1e-3,3e-3, not 'max_lr'"),
            (("onecycle", "=1"), "--sweep: must be NAME=VALUE"),
            (("onecycle", "max_lr=1,,2"), "--sweep max_lr: has a comma with no value beside it"),
            (("onecycle", "max_lr=1,1"), "--sweep max_lr: has the value 1 twice"),
            (("onecycle", "max_lr=1", "--sweep", "max-lr=2"), "--sweep max-lr: is given twice; write all values in"),
            (("cosine", "max_lr=1", "--with", "onecycle --max-lr 2"),
             "--sweep max_lr: changes nothing: whoever has it says it in --with"),
            (("cosine", f"lr={','.join(map(str, range(1, 1001)))}"),
             "--sweep: 1,000 schedules are asked for; at most 100 at once"),
        ],
    )  # fmt: skip
    def test_a_wrong_one_is_refused(self, lrviz, arguments, message):
        target, sweep, *more = arguments
        ended = lrviz("plot", target, "--sweep", sweep, *more)
        assert (ended.code, ended.err.startswith(f"error: {message}")) == (2, True), ended.err


class TestFailures:
    """Torch raises in one of several."""

    SWEEP = ("onecycle", "--max-lr", "1", "--sweep", "total_steps=16,32")

    @pytest.mark.parametrize("verb", ["plot", "table"])
    def test_one_that_fails_is_named_and_nothing_is_shown(self, lrviz, verb):
        ended = lrviz(verb, *self.SWEEP, "-q")
        assert (ended.code, ended.out) == (1, "")
        failed, hint = ended.err.splitlines()
        assert failed.startswith("error: total_steps 16: scheduler.step() failed after step 16 (epoch 2): ValueError")
        assert hint.strip() == "--partial shows what came before"
        assert not any(Path().iterdir())

    def test_partial_shows_what_came_before(self, lrviz):
        ended = lrviz("plot", *self.SWEEP, "--partial", "-q")
        assert ended.code == 1
        assert [line.rpartition("; ")[2] for line in ended.out.splitlines()[1:]] == ["17 steps", "32 steps"]
        assert ended.err.startswith("error: total_steps 16: scheduler.step() failed")


class TestOverlays:
    """Documents that compare several experiments."""

    @pytest.fixture(autouse=True)
    def _document(self, tmp_path):
        (tmp_path / "both.yaml").write_text(
            "title: Decays\nrun: {epochs: 2}\noverlay:\n"
            "  - {label: round, scheduler: {name: cosine}}\n  - {label: straight, scheduler: {name: hf-linear}}\n"
        )

    def test_it_is_one_figure_with_its_title_and_labels(self, lrviz):
        ended = lrviz("plot", "both.yaml", "-o", "both.svg")
        assert names(ended) == ["round", "straight"]
        assert "Decays" in Path("both.svg").read_text()
        assert lrviz("plot", "both.yaml").out.startswith("wrote both.png: 2 schedules")

    def test_it_stands_beside_others(self, lrviz):
        assert names(lrviz("plot", "both.yaml", "step", "--step-size", "4")) == ["round", "straight", "StepLR"]

    def test_flags_and_sweeps_lie_over_each(self, lrviz):
        ended = lrviz("table", "both.yaml", "--sweep", "epochs=1,3", "--lr", "2", "--format", "csv")
        rows = list(csv.DictReader(ended.out.splitlines()))
        assert [(row["name"], row["steps"], row["peak"]) for row in rows] == [
            ("round, epochs 1", "8", "2.0"),
            ("straight, epochs 1", "8", "2.0"),
            ("round, epochs 3", "24", "2.0"),
            ("straight, epochs 3", "24", "2.0"),
        ]

    def test_facets_have_the_size_that_they_need(self, lrviz):
        from matplotlib.image import imread

        assert lrviz("plot", "both.yaml", "--facets", "--dpi", "50").code == 0
        assert lrviz("plot", "both.yaml", "--facets", "--dpi", "50", "--size", "8x4", "-o", "own.png").code == 0
        assert imread("own.png").shape[:2] == (200, 400)
        assert imread("both.png").shape[:2] != (200, 400)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--from", "huggingface"), "--from: is for a trainer's config; both.yaml is a document of lrviz's"),
            (("--epochs", "0"), "--epochs: must be a whole number >= 1, not 0"),
            (("--sweep", f"lr={','.join(map(str, range(1, 61)))}"), "120 schedules are asked for; at most 100 at once"),
        ],
    )
    def test_what_does_not_go_with_it_is_refused(self, lrviz, arguments, message):
        ended = lrviz("plot", "both.yaml", *arguments)
        assert (ended.code, ended.err) == (2, f"error: {message}\n")

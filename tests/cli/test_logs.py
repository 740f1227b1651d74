"""The log of a run on the command line: as a target, and over its plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

LOGS = Path(__file__).parents[1] / "recordings" / "logs"
STATE = LOGS / "huggingface" / "trainer_state.json"
READ = "15 records of steps 0 to 14, Hugging Face trainer_state.json, double precision"
PLAN = """
run: {dataset_size: 50, batch_size: 4, grad_accum: 3, epochs: 3, framework: transformers}
optimizer: {name: AdamW, lr: 1e-3}
scheduler: {name: hf-cosine, num_warmup_steps: 3}
"""


@pytest.fixture
def plan(lrviz, tmp_path):
    """Return the file of the plan that the recorded Trainers had."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    return "plan.yaml"


def test_a_log_is_drawn_by_itself(lrviz):
    ended = lrviz("plot", str(STATE), "-o", "a.png")
    assert ended.code == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    assert ended.out.splitlines() == [
        "wrote a.png",
        f"trainer_state.json: first 0, peak 0.001 at step 3 (epoch 0), last 1.704e-05; {READ}",
    ]


def test_a_runs_folder_is_a_target(lrviz):
    ended = lrviz("plot", str(LOGS / "lightning"), "-o", "a.svg")
    assert (ended.code, len(ended.out.splitlines())) == (0, 3)
    assert "folded 40 records that repeat the values of their step" in ended.err


def test_a_table_of_a_log_has_its_records(lrviz):
    ended = lrviz("table", str(STATE))
    *_, last = ended.out.splitlines()
    assert f"{STATE}: 15 records of steps 0 to 14" in ended.out.replace("\n", " ")
    assert last == "Hugging Face trainer_state.json, double precision"


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        (STATE, [["step", "epoch", "lr"], ["0", "0", "0.0"], ["1", "0", "0.0003333333333333333"]]),
        (LOGS / "ultralytics", [["step", "epoch", "lr"], ["", "0", "0.01"], ["", "1", "0.009175"]]),
    ],
)
def test_csv_has_the_steps_or_epochs_that_the_records_are_of(path, rows, table):
    assert table(str(path), "-q")[:3] == rows


def test_json_says_what_was_read(lrviz):
    found = json.loads(lrviz("table", str(LOGS / "writer"), "--format", "json").out)
    assert (found["log"]["format"], found["log"]["precision"]["words"]) == ("TensorBoard events", "float32")
    assert (found["records"], found["rows"][7]["step"]) == (20, 7)
    assert found["rows"][7]["lr"] == pytest.approx(0.03)


def test_columns_that_are_called_otherwise_are_named(lrviz, tmp_path):
    (tmp_path / "run.csv").write_text("a,b\n0,0.5\n1,0.25\n")
    ended = lrviz("table", "run.csv")
    assert (ended.code, ended.out) == (2, "")
    assert "--log-columns STEP,LR; it has a, b" in ended.err
    ended = lrviz("table", "run.csv", "--log-columns", "a,b", "--format", "csv")
    assert ended.out == "step,epoch,lr\n0,,0.5\n1,,0.25\n"


@pytest.mark.parametrize("verb", ["table", "check"])
def test_columns_without_a_log_are_refused(lrviz, verb):
    ended = lrviz(verb, "cosine", "--log-columns", "a,b")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: --log-columns: changes nothing: there is no log of a run\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lr", "0.1"], "--lr: changes nothing:"),
        (["--set", "run.steps=3"], "--set: changes nothing:"),
        (["--log", str(STATE)], "--log: is to be laid over one schedule"),
    ],
)
def test_flags_of_a_schedule_are_refused(flags, message, lrviz):
    ended = lrviz("plot", str(STATE), *flags)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_log_has_no_schedule_to_convert(lrviz):
    assert "is the log of a run; it has learning rates, and no schedule" in lrviz("convert", str(STATE)).err


def test_check_finds_what_a_curve_alone_shows(lrviz, tmp_path):
    (tmp_path / "run.csv").write_text("step,lr\n" + "".join(f"{step},{0.1 - step / 100}\n" for step in range(20)))
    ended = lrviz("check", "run.csv")
    assert ended.code == 1
    assert "the learning rate is negative from step 11 on" in ended.out
    assert "run.csv" in ended.out


def test_check_of_a_sound_log_has_nothing_to_report(lrviz):
    assert (lrviz("check", str(STATE)).code, lrviz("check", str(STATE)).out) == (0, "nothing to report\n")


def test_check_takes_logs_among_schedules_and_of_a_runs_folder(lrviz, plan):
    found = json.loads(lrviz("check", plan, str(STATE), "--format", "json").out)
    assert [(each["target"], each["run"] is None) for each in found["targets"]] == [(plan, False), (str(STATE), True)]
    assert lrviz("check", str(LOGS / "lightning")).out == "nothing to report\n"


def test_a_log_cannot_be_fixed(lrviz):
    ended = lrviz("check", str(STATE), "--fix")
    assert (ended.code, "is the log of a run, which is over" in ended.err) == (2, True)


def test_a_log_that_cannot_be_read_is_told_by_check(lrviz, tmp_path):
    (tmp_path / "run.csv").write_text("step,lr\n0,x\n")
    assert (lrviz("check", "run.csv").code, lrviz("check", "run.csv").err) == (
        2,
        "error: run.csv:2: lr: not a number: 'x'\n",
    )


def test_a_log_over_its_plan_is_drawn_and_said_to_follow(lrviz, plan):
    ended = lrviz("plot", plan, "--log", str(STATE), "-o", "a.svg")
    assert ended.code == 0
    drawn = Path("a.svg").read_text()
    assert ">plan<" in drawn
    assert ">log<" in drawn
    assert "leaves the plan" not in drawn
    assert ended.out.splitlines()[-3:] == [
        f"{STATE} followed plan.yaml",
        "     log: Hugging Face trainer_state.json, 15 records of steps 0 to 14, double precision",
        "     15 of 15 records fit; offset 0: each record has the learning rate of its own step",
    ]


def test_a_log_that_left_its_plan_is_marked_and_explained(lrviz, plan):
    ended = lrviz("plot", plan, "--log", str(STATE), "-o", "a.svg", "--epochs", "6")
    assert ended.code == 0
    assert "log: leaves the plan" in Path("a.svg").read_text()
    assert "up to step 3, and left it: at step 4 (epoch 0) it has 0.000983, the plan 0.00" in ended.out
    assert "     it fits with a run of 3 epochs instead of 6: --set run.epochs=3" in ended.out.splitlines()


def test_a_log_that_is_not_there_is_refused(lrviz, plan):
    ended = lrviz("plot", plan, "--log", "nothing.csv")
    assert (ended.code, ended.err) == (2, "error: nothing.csv: cannot be read: No such file or directory\n")


def test_a_plan_by_flags_is_explained_too(lrviz):
    args = ("plot", "hf-cosine", "--num-warmup-steps", "1", "--steps", "15", "--lr", "1e-3", "--log", str(STATE))
    ended = lrviz(*args, "-o", "a.svg")
    assert "--set scheduler.num_warmup_steps=3" in ended.out


def test_a_log_stands_among_schedules(lrviz, plan):
    ended = lrviz("plot", plan, str(STATE), "-o", "a.svg")
    first, *lines = ended.out.splitlines()
    assert (ended.code, first.partition(", torch")[0]) == (0, "wrote a.svg: 2 schedules")
    assert sum("15 records of steps 0 to 14" in line for line in lines) == 1
    assert ">trainer_state.json<" in Path("a.svg").read_text()


@pytest.mark.parametrize("form", ["table", "csv", "json", "markdown"])
def test_a_table_of_several_has_logs(form, lrviz, plan):
    ended = lrviz("table", plan, str(STATE), "--format", form)
    assert ended.code == 0, ended.err
    assert "trainer_state.json" in ended.out.replace("\n", "")


def test_the_learning_rates_at_places_are_those_that_were_logged(lrviz, plan):
    ended = lrviz("table", plan, str(STATE), "--at", "7", "--format", "csv")
    assert (ended.code, ended.out.count(",0.00075")) == (0, 2)


def test_two_logs_of_a_run_are_compared(lrviz):
    ended = lrviz("table", str(STATE), str(LOGS / "huggingface-4.45" / "trainer_state.json"))
    assert ended.code == 0, ended.err
    assert "huggingface-4.45" in ended.out


def test_a_sweep_leaves_a_log_as_it_is(lrviz, plan):
    ended = lrviz("plot", plan, str(STATE), "--sweep", "lr=1e-3,2e-3", "-o", "a.svg")
    assert ended.out.startswith("wrote a.svg: 3 schedules"), ended.err


def test_a_log_of_epochs_is_drawn_by_epochs(lrviz):
    assert lrviz("plot", str(LOGS / "ultralytics"), "-o", "a.svg").code == 0
    assert ">Epochs<" in Path("a.svg").read_text()
    ended = lrviz("plot", str(LOGS / "ultralytics"), "--x", "step")
    assert (ended.code, ended.err) == (2, "error: --x: ultralytics counts epochs, and no steps: --x epoch\n")


def test_diff_says_that_a_run_followed_its_plan(lrviz, plan):
    ended = lrviz("diff", plan, str(STATE))
    assert (ended.code, ended.out.splitlines()[0]) == (0, f"{STATE} followed plan.yaml")
    assert json.loads(lrviz("diff", str(STATE), plan, "--format", "json").out)["followed"] is True


def test_diff_says_what_explains_a_run_that_left_its_plan(lrviz, plan):
    ended = lrviz("diff", plan, str(LOGS / "huggingface-4.45"), "--format", "markdown")
    assert ended.code == 1
    assert "- it fits with the rounding of transformers up to 4.51: --set run.transformers=4.51" in ended.out
    assert lrviz("diff", plan, str(LOGS / "huggingface-4.45"), "--set", "run.transformers=4.51").code == 0


def test_diff_names_the_resume_that_a_run_had(lrviz, tmp_path):
    resume = ("--resume-at", "20", "--resume-as", "restart")
    run = lrviz("table", "cosine", "--format", "csv", *resume, "-q").out.splitlines()
    (tmp_path / "run.csv").write_text("\n".join(run) + "\n")
    ended = lrviz("diff", "cosine", "run.csv")
    assert ended.code == 1
    assert ended.out.splitlines()[-1].endswith("built anew: --resume-at 20 --resume-as restart")
    assert lrviz("diff", "cosine", "run.csv", *resume).code == 0


def test_diff_compares_two_logs_as_two_schedules(lrviz):
    assert lrviz("diff", str(STATE), str(LOGS / "huggingface-resumed" / "trainer_state.json")).code == 0
    ended = lrviz("diff", str(STATE), str(LOGS / "huggingface-4.45" / "trainer_state.json"))
    assert (ended.code, ended.err) == (1, "")


@pytest.mark.parametrize("flag", ["--tolerance=0.1", "--by=epoch"])
def test_diff_takes_no_tolerance_for_a_log(flag, lrviz, plan):
    ended = lrviz("diff", plan, str(STATE), flag)
    assert (ended.code, "a log is compared to the digits that it has" in ended.err) == (2, True)

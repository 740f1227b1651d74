from __future__ import annotations

import pytest

import lrviz
from lrviz.experiment.schedulers.notes import Point, Span
from lrviz.render.figure.annotation.callouts import annotate

ROUND = 10


def noted(scheduler, **rest):
    experiment = lrviz.load({"scheduler": scheduler, **rest})
    trace = lrviz.replay(experiment, partial=True)
    return annotate(experiment, trace)


def as_tuples(notes):
    """The annotations as plain tuples, a span's places first."""
    return [
        (note.label, note.x0, note.x1) if isinstance(note, Span) else (note.label, note.x, round(note.y, ROUND))
        for note in notes
    ]


CYCLIC = {"name": "cyclic", "base_lr": 1e-4, "max_lr": 1e-3, "step_size_up": 4, "cycle_momentum": False}
DECAYED = "lr_(t-1) * gamma"

ARTICLE = {
    "step": ({"name": "step", "step_size": 4, "gamma": 0.5}, [("step_size", 4, 8), (DECAYED, 4, 5e-4)]),
    "multistep": (
        {"name": "multistep", "milestones": [8, 24, 28], "gamma": 0.5},
        [(f"{DECAYED},\nmilestones[0]", 8, 5e-4), (f"{DECAYED},\nmilestones[1]", 24, 2.5e-4)],
    ),
    "constant": (
        {"name": "constant", "factor": 0.5, "total_iters": 8},
        [("total_iters", 0, 8), ("LEARNING_RATE * factor", 0, 5e-4), ("LEARNING_RATE", 8, 1e-3)],
    ),
    "linear": (
        {"name": "linear", "start_factor": 0.5, "total_iters": 8},
        [("total_iters", 0, 8), ("LEARNING_RATE * start_factor", 0, 5e-4), ("LEARNING_RATE", 8, 1e-3)],
    ),
    "exponential": ({"name": "exponential", "gamma": 0.5}, [(DECAYED, 1, 5e-4)]),
    "polynomial": ({"name": "polynomial", "total_iters": 8, "power": 2}, [("total_iters", 0, 8)]),
    "cosine": ({"name": "cosine", "T_max": 32, "eta_min": 1e-4}, [("T_max", 0, 32), ("eta_min", 31, 1e-4)]),
    "restarts": (
        {"name": "cosine-restarts", "T_0": 8, "eta_min": 1e-4},
        [("T_0", 0, 8), ("T_1 = T_0 * T_mult", 8, 16), ("eta_min", 7, 1e-4)],
    ),
    "triangular": (CYCLIC, [("step_size_up", 0, 4), ("max_lr", 4, 1e-3), ("base_lr", 8, 1e-4)]),
    "triangular2": (
        CYCLIC | {"mode": "triangular2"},
        [("step_size_up", 0, 4), ("max_lr", 4, 1e-3), ("base_lr", 8, 1e-4)],
    ),
    "exp_range": (CYCLIC | {"mode": "exp_range", "gamma": 0.9}, [("step_size_up", 0, 4), ("base_lr", 8, 1e-4)]),
}


@pytest.mark.parametrize(("scheduler", "expected"), ARTICLE.values(), ids=ARTICLE.keys())
def test_the_article_s_annotations(scheduler, expected):
    assert as_tuples(noted(scheduler)) == expected


OTHERS = {
    "onecycle": (
        {"name": "onecycle", "max_lr": 1e-3},
        [
            ("max_lr / div_factor", 0, 4e-5),
            ("pct_start * total_steps", 0, pytest.approx(8.6)),
            ("max_lr", 9, pytest.approx(1e-3, rel=0.01)),
            ("max_lr / div_factor\n/ final_div_factor", 31, 4e-9),
        ],
    ),
    "plateau": (
        {"name": "plateau", "metric": "1", "patience": 2, "factor": 0.5, "cooldown": 1, "min_lr": 1e-4},
        [("patience", 2, 4), ("lr_(t-1) * factor", 4, 5e-4), ("cooldown", 4, 5), ("min_lr", 16, 1e-4)],
    ),
    "a plateau on its floor at once": (
        {"name": "plateau", "metric": "1", "patience": 0, "factor": 0.1, "min_lr": 5e-4},
        [("min_lr", 2, 5e-4)],
    ),
    "a plateau that never reduces": ({"name": "plateau", "metric": "0.5 ** step"}, []),
    "lambda": ({"name": "lambda", "lr_lambda": "1 / 2"}, [("lr_0 * lambda(t),\nlambda: 1 / 2", 10, 5e-4)]),
    "multiplicative": (
        {"name": "multiplicative", "lr_lambda": "1"},
        [("lr_(t-1) * lambda(t),\nlambda: 1", 6, 1e-3)],
    ),
    "swa": (
        {"name": "swa", "swa_lr": 2e-4, "anneal_epochs": 8, "swa_start": 16},
        [("swa_start", 16, 1e-3), ("anneal_epochs", 16, 24), ("swa_lr", 24, 2e-4)],
    ),
    "manual": (
        {"name": "manual", "values": {0: 1e-3, 16: 5e-4, 40: 1e-4}},
        [("lr = 0.001", 0, 1e-3), ("lr = 0.0005", 16, 5e-4)],
    ),
    "range-test": (
        {"name": "range-test", "min_lr": 1e-5, "max_lr": 1.0},
        [("min_lr", 0, 1e-5), ("max_lr", 31, 1.0)],
    ),
    "sequential": (
        {
            "name": "sequential",
            "milestones": [8],
            "schedulers": [{"name": "linear", "total_iters": 8}, {"name": "cosine"}],
        },
        [("LinearLR", 0, 8), ("CosineAnnealingLR", 8, 32), ("milestones[0]", 8, 1e-3)],
    ),
    "chained": (
        {
            "name": "chained",
            "schedulers": [{"name": "constant", "factor": 0.5, "total_iters": 8}, {"name": "exponential", "gamma": 1}],
        },
        [("ConstantLR: total_iters", 0, 8), ("ConstantLR * ExponentialLR", 10, 1e-3)],
    ),
    "step_size_down": (
        CYCLIC | {"step_size_down": 8},
        [("step_size_up", 0, 4), ("step_size_down", 4, 12), ("max_lr", 4, 1e-3), ("base_lr", 12, 1e-4)],
    ),
}


WARMED_UP = {
    "a scheduler": ({"name": "cosine"}, [("warmup", 0, 4), ("CosineAnnealingLR", 4, 32)]),
    "a sequence": (
        OTHERS["sequential"][0],
        [("warmup", 0, 4), ("LinearLR", 4, 12), ("CosineAnnealingLR", 12, 32), ("milestones[0]", 12, 1e-3)],
    ),
    "a plateau": ({"name": "plateau", "metric": "1", "patience": 99}, [("warmup", 0, 4)]),
}


@pytest.mark.parametrize(("scheduler", "expected"), WARMED_UP.values(), ids=WARMED_UP.keys())
def test_a_warmup_has_the_document_s_word(scheduler, expected):
    assert as_tuples(noted(scheduler, warmup=4)) == expected


@pytest.mark.parametrize(("scheduler", "expected"), OTHERS.values(), ids=OTHERS.keys())
def test_every_other_scheduler_has_its_own(scheduler, expected):
    assert as_tuples(noted(scheduler)) == expected


SHORT = {
    "step": ({"name": "step", "step_size": 40}, []),
    "step, once": ({"name": "step", "step_size": 20}, [("step_size", 0, 20), (DECAYED, 20, 1e-4)]),
    "multistep": ({"name": "multistep", "milestones": [40]}, []),
    "linear": ({"name": "linear", "total_iters": 40, "start_factor": 0.5}, [("LEARNING_RATE * start_factor", 0, 5e-4)]),
    "polynomial": ({"name": "polynomial", "total_iters": 40}, []),
    "cosine": ({"name": "cosine", "T_max": 40}, []),
    "restarts": ({"name": "cosine-restarts", "T_0": 20}, [("T_0", 0, 20), ("eta_min", 19, 0)]),
    "cyclic": (CYCLIC | {"step_size_up": 40}, [("base_lr", 0, 1e-4)]),
    "swa": ({"name": "swa", "swa_lr": 1e-4, "swa_start": 40}, []),
    "onecycle": ({"name": "onecycle", "max_lr": 1e-3, "total_steps": 1000}, [("max_lr / div_factor", 0, 4e-5)]),
}


@pytest.mark.parametrize(("scheduler", "expected"), SHORT.values(), ids=SHORT.keys())
def test_what_the_run_is_too_short_for_is_left_out(scheduler, expected):
    assert as_tuples(noted(scheduler)) == expected


def test_steps_are_the_optimizer_s_where_the_scheduler_steps_per_epoch():
    notes = noted({"name": "step", "step_size": 2}, run={"epochs": 6, "steps_per_epoch": 10, "interval": "epoch"})
    assert as_tuples(notes) == [("step_size", 20, 40), (DECAYED, 20, 1e-4)]


def test_steps_are_the_optimizer_s_where_every_device_steps_the_scheduler():
    run = {"epochs": 4, "steps_per_epoch": 8, "framework": "accelerate", "world_size": 2}
    assert as_tuples(noted({"name": "step", "step_size": 8}, run=run)) == [("step_size", 4, 8), (DECAYED, 4, 1e-4)]


def test_the_highest_group_is_the_one_pointed_at():
    groups = [{"name": "low", "lr": 1e-4}, {"name": "high", "lr": 1e-2}]
    (note,) = noted({"name": "exponential", "gamma": 0.5}, optimizer={"groups": groups})
    assert note == Point(1, pytest.approx(5e-3), DECAYED)


def test_a_scheduler_of_the_user_s_own_has_none():
    custom = {"target": "torch.optim.lr_scheduler:StepLR", "args": {"step_size": 4}}
    experiment = lrviz.Experiment(scheduler=lrviz.experiment.schedulers.Custom(**custom))
    assert annotate(experiment, lrviz.replay(experiment)) == []


def test_a_trace_without_a_step_has_none():
    experiment = lrviz.load({"scheduler": {"name": "lambda", "lr_lambda": "1 / epoch"}})
    trace = lrviz.replay(experiment, partial=True)
    assert trace.failure is not None
    assert annotate(experiment, trace) == []

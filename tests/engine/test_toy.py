from __future__ import annotations

import pytest
import torch

import lrviz
from lrviz.engine.toy import POINTS, SEED

RUN = {"epochs": 3, "steps_per_epoch": 5}


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(POINTS, 1, generator=generator)
    return x, 2 * x + 1 + 0.1 * torch.randn(POINTS, 1, generator=generator)


def loop(steps: int, lr: float) -> tuple[list[float], list[float]]:
    """Return the losses and rates of a plain loop over the toy problem, ReduceLROnPlateau watching the loss."""
    x, y = data()
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    losses, rates = [], []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(torch.cat([x, torch.ones_like(x)], dim=1)), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        scheduler.step(loss.item())
    return losses, rates


def test_a_plateau_reacts_to_a_loss_that_reacts_to_it():
    document = {
        "run": {"epochs": 4, "steps_per_epoch": 8},
        "optimizer": {"lr": 0.3},
        "scheduler": {"name": "plateau", "metric": "train", "factor": 0.5, "patience": 1},
    }
    trace = lrviz.replay(lrviz.load(document))
    losses, rates = loop(32, 0.3)
    assert trace.loss is not None
    assert trace.loss.tolist() == losses
    assert trace.groups[0].lr.tolist() == rates
    assert trace.metric is not None
    assert trace.metric.tolist() == losses[:-1]
    assert rates[-1] < rates[0]


def test_any_scheduler_shows_the_loss_it_gives():
    experiment = lrviz.load({"run": RUN, "optimizer": {"lr": 0.1}, "scheduler": {"name": "cosine"}})
    trace = lrviz.replay(experiment, train=True)
    assert trace.loss is not None
    assert len(trace.loss) == 15
    assert trace.loss[14] < trace.loss[0]


def test_training_does_not_move_the_schedule():
    experiment = lrviz.load({"run": RUN, "scheduler": {"name": "onecycle", "max_lr": 0.1}})
    assert lrviz.replay(experiment, train=True).groups[0].lr == lrviz.replay(experiment).groups[0].lr


def test_every_step_of_an_epoch_is_trained():
    run = RUN | {"interval": "epoch"}
    trace = lrviz.replay(lrviz.load({"run": run, "scheduler": {"name": "exponential", "gamma": 0.5}}), train=True)
    assert trace.loss is not None
    assert len(trace.loss) == len(trace.groups[0].lr) == 15


def test_two_replays_train_alike():
    experiment = lrviz.load({"run": RUN, "optimizer": {"name": "adam"}, "scheduler": {"name": "cosine"}})
    assert lrviz.replay(experiment, train=True).loss == lrviz.replay(experiment, train=True).loss


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adafactor", "LBFGS", "Muon", "RMSprop", "Rprop"])
def test_the_optimizer_is_the_specs_own(name):
    if not hasattr(torch.optim, name):
        pytest.skip(f"torch {torch.__version__} has no {name}")
    experiment = lrviz.load({"run": RUN, "optimizer": {"name": name, "lr": 0.1}, "scheduler": {"name": "cosine"}})
    trace = lrviz.replay(experiment, train=True)
    assert trace.loss is not None
    assert trace.loss[14] < trace.loss[0]


def test_groups_train_together():
    optimizer = {"groups": [{"name": "slow", "lr": 0.01}, {"name": "fast", "lr": 0.1}]}
    trace = lrviz.replay(lrviz.load({"run": RUN, "optimizer": optimizer, "scheduler": {"name": "cosine"}}), train=True)
    assert trace.loss is not None
    assert trace.loss[14] < trace.loss[0]


def test_what_cannot_train_says_so_in_torchs_words():
    experiment = lrviz.load({"optimizer": {"name": "sparseadam"}, "scheduler": {"name": "cosine"}})
    with pytest.raises(lrviz.ReplayError, match="SparseAdam does not support dense gradients"):
        lrviz.replay(experiment, train=True)


def test_without_training_there_is_no_loss():
    assert lrviz.replay(lrviz.load({"scheduler": {"name": "cosine"}})).loss is None

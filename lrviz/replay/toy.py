"""A toy training run under the schedule: a line fitted to 100 points, for a loss that reacts to the rate."""

from __future__ import annotations

from array import array
from typing import Any

from lrviz.replay.engines import TorchEngine
from lrviz.spec.optimizers import Group, OptimizerSpec

__all__ = ["ToyEngine"]

POINTS = 100
SEED = 0


class ToyEngine(TorchEngine):
    """Fits y = 2 x + 1 + 0.1 noise, full batch, by the optimizer under the schedule.

    x is standard normal, and the loss the mean squared error. The model is linear in (x, 1), starts
    at zero, and has a weight for each parameter group, whose predictions add up; so every optimizer
    that takes dense gradients can train it. `losses` holds the loss before each optimizer step.
    """

    def __init__(self) -> None:
        super().__init__()
        torch = self.torch
        generator = torch.Generator().manual_seed(SEED)
        x = torch.randn(POINTS, 1, generator=generator)
        noise = torch.randn(POINTS, 1, generator=generator)
        self.features = torch.cat([x, torch.ones_like(x)], dim=1)
        self.target = 2 * x + 1 + 0.1 * noise
        self.models: list[Any] = []
        self.losses: array[float] = array("d")

    def optimizer(self, spec: OptimizerSpec) -> Any:
        self.models.clear()
        self.losses = array("d")
        return super().optimizer(spec)

    def _group(self, group: Group, *, matrices_only: bool) -> dict[str, Any]:
        model = self.torch.nn.Linear(2, 1, bias=False)
        self.torch.nn.init.zeros_(model.weight)
        self.models.append(model)
        return {**super()._group(group, matrices_only=matrices_only), "params": list(model.parameters())}

    def train_once(self, optimizer: Any) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            predictions = sum(model(self.features) for model in self.models)
            loss = self.torch.nn.functional.mse_loss(predictions, self.target)
            loss.backward()
            return loss

        self.losses.append(optimizer.step(closure).item())

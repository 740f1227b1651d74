"""A toy training run under the schedule: a line fitted to 100 points, for a loss that reacts to the rate."""

from __future__ import annotations

from array import array
from typing import Any

from lrviz.engine.engine import TorchEngine
from lrviz.experiment.optimizers import OptimizerSpec

POINTS = 100
SEED = 0


class ToyEngine(TorchEngine):
    """Fits y = 2 x + 1 + 0.1 noise, full batch, by the optimizer under the schedule.

    x is standard normal, and the loss the mean squared error. The model is linear in (x, 1), starts
    at zero, and has a weight for each parameter group, whose predictions add up; so every optimizer
    that takes dense gradients can train it. `losses` holds the loss before each optimizer step.
    """

    def __init__(self, *, upstream: bool = False) -> None:
        super().__init__(upstream=upstream)
        torch = self.torch
        generator = torch.Generator().manual_seed(SEED)
        x, noise = (torch.randn(POINTS, 1, generator=generator, device="cpu") for _ in range(2))
        self.features = torch.cat([x, torch.ones_like(x)], dim=1)
        self.target = 2 * x + 1 + 0.1 * noise
        self.models: list[Any] = []
        self.losses: array[float] = array("d")

    def optimizer(self, spec: OptimizerSpec) -> Any:
        self.models.clear()
        self.losses = array("d")
        return super().optimizer(spec)

    def model(self, *, bias: bool) -> Any:
        """Return a model of one matrix, which every optimizer takes; its bias is the weight of the constant 1."""
        del bias
        model = super().model(bias=False)
        self.torch.nn.init.zeros_(model.weight)
        self.models.append(model)
        return model

    def train_once(self, optimizer: Any) -> None:
        def closure() -> Any:
            optimizer.zero_grad()
            predictions = sum(model(self.features) for model in self.models)
            loss = self.torch.nn.functional.mse_loss(predictions, self.target)
            loss.backward()
            return loss

        self.losses.append(optimizer.step(closure).item())

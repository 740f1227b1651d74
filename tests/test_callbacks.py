"""The callbacks, under the real transformers and the real Lightning: what they check, write and say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t

from lrviz import CheckError
from lrviz.watching import FIGURE, LOG, PLAN

FILES = [LOG, PLAN, FIGURE]


def rows(file: Path) -> list[list[float]]:
    return [[float(cell) for cell in line.split(",")] for line in file.read_text().splitlines()[1:]]


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name in FILES)


class Toy(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: Any) -> dict[str, Any]:
        return {"loss": self.layer(x).mean()}


@pytest.mark.filterwarnings("default")
class TestTrainer:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("transformers")
        pytest.importorskip("accelerate")

    def train(self, folder: Path, *callbacks: Any, resume: Any = None, **given: Any) -> Any:
        from transformers import Trainer, TrainingArguments

        arguments = TrainingArguments(
            output_dir=str(folder), use_cpu=True, report_to=[], disable_tqdm=True, logging_strategy="no",
            per_device_train_batch_size=2, learning_rate=0.1, dataloader_pin_memory=False,
            remove_unused_columns=False, **{"save_strategy": "no", "num_train_epochs": 2, **given},
        )  # fmt: skip
        data = [{"x": torch.ones(1)} for _ in range(10)]
        trainer = Trainer(Toy(), arguments, train_dataset=data, eval_dataset=data, callbacks=list(callbacks))
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    def test_a_run_that_follows_its_plan_says_so(self, tmp_path: Path) -> None:
        from lrviz.callbacks import TrainerCallback

        callback = TrainerCallback()
        self.train(tmp_path, callback, warmup_steps=3)
        assert callback.outcome == "the run followed its plan: 10 steps"
        assert written(tmp_path) == FILES
        assert (tmp_path / LOG).read_text() == (tmp_path / PLAN).read_text()
        assert [row[0] for row in rows(tmp_path / LOG)] == list(range(10))
        assert [row[1] for row in rows(tmp_path / LOG)][:4] == pytest.approx([0, 0.1 / 3, 0.2 / 3, 0.1])

    def test_a_schedule_with_an_error_trains_no_step(self, tmp_path: Path) -> None:
        from lrviz.callbacks import TrainerCallback

        with pytest.raises(CheckError, match="never-peaks"):
            self.train(tmp_path, TrainerCallback(), warmup_steps=400, lr_scheduler_type="constant_with_warmup")
        assert written(tmp_path) == []
        with pytest.warns(UserWarning, match="never-peaks"):
            self.train(
                tmp_path, TrainerCallback(raises=False), warmup_steps=400, lr_scheduler_type="constant_with_warmup"
            )

    def test_a_run_that_leaves_its_plan_says_where(self, tmp_path: Path) -> None:
        from transformers import TrainerCallback as Base

        from lrviz.callbacks import TrainerCallback

        class Meddling(Base):  # type: ignore[misc]  # transformers is not there when this is checked
            def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
                if state.global_step == 4:
                    rest["lr_scheduler"].base_lrs = [0.5, 0.5]

        callback = TrainerCallback(figure=False)
        with pytest.warns(UserWarning, match=r"left its plan at step 5: .* 5 steps of 10 differ"):
            self.train(tmp_path, callback, Meddling())
        assert written(tmp_path) == [LOG, PLAN]

    def test_a_run_that_goes_on_keeps_what_was_logged(self, tmp_path: Path) -> None:
        from lrviz.callbacks import TrainerCallback

        given = {"save_strategy": "steps", "save_steps": 4}
        self.train(tmp_path, TrainerCallback(), **given)
        whole = (tmp_path / LOG).read_text()
        callback = TrainerCallback()
        self.train(tmp_path, callback, resume=str(tmp_path / "checkpoint-4"), **given)
        assert callback.outcome == "the run followed its plan: 6 steps"
        assert (tmp_path / LOG).read_text() == (tmp_path / PLAN).read_text() == whole

    def test_what_watches_a_metric_has_a_log_and_no_plan(self, tmp_path: Path) -> None:
        from lrviz.callbacks import TrainerCallback

        callback = TrainerCallback()
        given = {"eval_strategy": "epoch", "label_names": ["x"]}  # without a label the Trainer evaluates no loss
        self.train(tmp_path, callback, lr_scheduler_type="reduce_lr_on_plateau", **given)
        message = "the run had no plan: ReduceLROnPlateau watches a metric, which only the run will know"
        assert callback.outcome == message
        assert written(tmp_path) == [LOG]

    def test_without_files_nothing_is_written(self, tmp_path: Path) -> None:
        from lrviz.callbacks import TrainerCallback

        callback = TrainerCallback(files=False)
        self.train(tmp_path, callback)
        assert (callback.outcome, written(tmp_path)) == ("the run followed its plan: 10 steps", [])


@pytest.mark.filterwarnings("default")
class TestLightning:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("lightning")

    def fit(
        self, folder: Path, callback: Any, scheduler: Any, interval: str = "step", frequency: int = 1, **given: Any
    ) -> Any:
        import lightning
        from torch.utils.data import DataLoader, TensorDataset

        class Module(lightning.LightningModule):  # type: ignore[misc]  # lightning is not there when this is checked
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)

            def training_step(self, batch: Any) -> Any:
                return self.layer(batch[0]).mean()

            def factor(self, step: int) -> float:
                return 1.0 / (1 + step)

            def configure_optimizers(self) -> Any:
                optimizer = torch.optim.AdamW(self.parameters(), lr=0.1)
                made = scheduler(self, optimizer)
                return {
                    "optimizer": optimizer,
                    "lr_scheduler": {"scheduler": made, "interval": interval, "monitor": "a", "frequency": frequency},
                }

        trainer = lightning.Trainer(
            accelerator="cpu", default_root_dir=folder, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, callbacks=[callback], **{"max_epochs": 2, **given},
        )  # fmt: skip
        trainer.fit(Module(), DataLoader(TensorDataset(torch.ones(10, 1)), batch_size=2))
        return trainer

    @pytest.mark.parametrize(("interval", "batches"), [("step", 1), ("epoch", 1), ("step", 2), ("epoch", 2)])
    def test_a_run_that_follows_its_plan_says_so(self, interval: str, batches: int, tmp_path: Path) -> None:
        from lrviz.callbacks import LightningCallback

        callback = LightningCallback()
        given = {"accumulate_grad_batches": batches}
        self.fit(tmp_path, callback, lambda _, o: t.ExponentialLR(o, 0.9), interval, **given)
        assert callback.outcome == f"the run followed its plan: {10 if batches == 1 else 6} steps"
        assert written(tmp_path) == FILES
        assert (tmp_path / LOG).read_text() == (tmp_path / PLAN).read_text()

    def test_a_method_of_the_module_is_called_and_the_module_not_copied(self, tmp_path: Path) -> None:
        from lrviz.callbacks import LightningCallback

        callback = LightningCallback()
        self.fit(tmp_path, callback, lambda module, o: t.LambdaLR(o, module.factor))
        assert callback.outcome == "the run followed its plan: 10 steps"

    def test_a_schedule_with_an_error_trains_no_step(self, tmp_path: Path) -> None:
        from lrviz.callbacks import LightningCallback

        with pytest.raises(CheckError, match="cycle-overrun"):
            self.fit(tmp_path, LightningCallback(), lambda _, o: t.OneCycleLR(o, 0.1, 5))

    def test_a_run_that_was_to_stop_earlier_followed_its_plan_as_far_as_it_went(self, tmp_path: Path) -> None:
        import lightning

        from lrviz.callbacks import LightningCallback

        class Stopping(LightningCallback):  # type: ignore[misc]  # made when it is asked for
            def on_train_batch_end(self, trainer: Any, *rest: Any) -> None:
                trainer.should_stop = trainer.global_step >= 4

        assert issubclass(LightningCallback, lightning.pytorch.Callback)
        callback = Stopping()
        self.fit(tmp_path, callback, lambda _, o: t.ExponentialLR(o, 0.9))
        assert callback.outcome == "the run followed its plan: 4 steps of 10"

    def test_what_a_preview_does_not_know_has_no_plan(self, tmp_path: Path) -> None:
        from lrviz.callbacks import LightningCallback

        callback = LightningCallback()
        self.fit(tmp_path, callback, lambda _, o: t.ExponentialLR(o, 0.9), frequency=2)
        assert callback.outcome == "the run had no plan: its scheduler is stepped every 2 steps"
        assert written(tmp_path) == []

    def test_what_watches_a_metric_has_a_log_and_no_plan(self, tmp_path: Path) -> None:
        from lrviz.callbacks import LightningCallback

        callback = LightningCallback()
        with pytest.raises(Exception, match="monitor"):  # whose metric this module does not have
            self.fit(tmp_path, callback, lambda _, o: t.ReduceLROnPlateau(o), "epoch")
        assert written(tmp_path) == [LOG]
        assert [row[1] for row in rows(tmp_path / LOG)] == [0.1] * 5


def test_neither_framework_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, lrviz.callbacks; print(*{'torch', 'transformers', 'lightning', 'matplotlib'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_there_are_two() -> None:
    import lrviz.callbacks

    with pytest.raises(AttributeError, match=r"module 'lrviz.callbacks' has no attribute 'KerasCallback'"):
        _ = lrviz.callbacks.KerasCallback

from __future__ import annotations

from pathlib import Path

OVERRUN = ("plot", "onecycle", "--max-lr", "1e-3", "--total-steps", "16")


def test_torchs_own_error_is_shown_with_its_step_and_epoch(lrviz):
    ended = lrviz(*OVERRUN)
    assert ended.code == 1
    assert "after step 16 (epoch 2): ValueError: Tried to step 17 times" in ended.err
    assert not Path("onecycle.png").exists()


def test_partial_draws_what_came_before(lrviz):
    ended = lrviz(*OVERRUN, "--partial")
    assert ended.code == 1
    assert Path("onecycle.png").exists()
    assert "17 steps" in ended.out


def test_findings_are_a_line_each_and_marked(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg")
    assert ended.code == 0
    assert ended.err.startswith("check: error cosine-rebound: CosineAnnealingLR is at its lowest learning rate, 0")
    assert "cosine-rebound" in Path("a.svg").read_text()


def test_no_check_hides_the_findings(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg", "--no-check")
    assert ended.err == ""
    assert "cosine-rebound" not in Path("a.svg").read_text()


def test_torchs_warnings_are_remarks(lrviz, tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import torch, warnings\n"
        "class Noisy(torch.optim.lr_scheduler.StepLR):\n"
        "    def step(self, *args):\n"
        "        if self.last_epoch == 2:\n"
        "            warnings.warn('getting loud', stacklevel=2)\n"
        "        super().step(*args)\n"
    )
    ended = lrviz("plot", "noisy:Noisy", "--arg", "step_size=4", "--arg", "gamma=0.5")
    assert ended.code == 0
    assert "getting loud" in ended.err

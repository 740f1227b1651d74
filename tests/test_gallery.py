from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lrviz.errors import OutputError, ReplayError, SpecError
from lrviz.gallery import CURVES, INDEX, collect, own_configs, render
from tests.conftest import COSINE, STEP


def test_every_file_is_a_figure_in_every_format(drawn):
    names = ("stairs", "wave", "schedulers-wide", "schedulers-tall")
    figures = {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}
    assert {path.name for path in drawn.iterdir()} == {*figures, CURVES, INDEX}


def test_the_index_shows_every_figure_with_its_yaml(drawn):
    index = (drawn / INDEX).read_text()
    assert "### Down the stairs\n\n![Down the stairs](stairs.png)\n\n```yaml\n" + STEP in index
    assert index.index("## Schedules") < index.index("## Waves")


def test_the_same_input_gives_the_same_bytes(configs, drawn, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    render(collect(configs), again, ["png", "svg"])
    assert {path.name: path.read_bytes() for path in drawn.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_every_figure_is_reported_once(configs, tmp_path):
    message: list[str] = []
    render(collect(configs), tmp_path, ["svg"], message.append)
    assert sorted(message) == ["schedulers-tall", "schedulers-wide", "stairs", "wave"]


def test_figures_outside_the_summaries_make_none(tmp_path):
    (tmp_path / "a.yaml").write_text(STEP + "gallery: {summary: false}\n")
    assert render(collect(tmp_path), tmp_path, ["svg"]) == 1


def test_a_document_without_a_title_has_its_files_name(tmp_path):
    for name, title in (("a", ""), ("b", "title: Mine\n"), ("c", "title: ''\n")):
        (tmp_path / f"{name}.yaml").write_text(f"{title}scheduler: {{name: cosine}}\n")
    assert [entry.experiment.heading for entry in collect(tmp_path)] == ["a", "Mine", ""]


def test_the_problems_of_all_files_come_together(configs):
    (configs / "bad.yaml").write_text("scheduler: {name: cosin}\n")
    (configs / "worse.yaml").write_text("scheduler: {name: step}\n")
    with pytest.raises(SpecError) as caught:
        collect(configs)
    files = [Path(problem.place.split(":")[0]).name for problem in caught.value.problems]
    assert files == ["bad.yaml", "worse.yaml"]


def test_two_files_may_not_make_one_figure(configs):
    (configs / "wave.yaml").write_text(COSINE)
    with pytest.raises(SpecError, match=r"makes a figure 'wave', as wave\.yaml does"):
        collect(configs)


def test_what_torch_raises_is_told_with_its_file(configs):
    (configs / "over.yaml").write_text("scheduler: {name: onecycle, max_lr: 1, total_steps: 16}\n")
    with pytest.raises(ReplayError, match=r"over\.yaml: .* after step 16"):
        collect(configs)


def test_code_in_a_folder_is_refused_unless_allowed(configs):
    (configs / "own.yaml").write_text("scheduler: {name: 'torch.optim.lr_scheduler:StepLR', args: {step_size: 3}}\n")
    with pytest.raises(SpecError, match="would run code"):
        collect(configs)
    assert len(collect(configs, allow_import=["torch.optim.lr_scheduler"])) == 3


def test_figures_drawn_side_by_side_are_those_drawn_alone(configs, drawn, tmp_path):
    code = (
        "import sys; from pathlib import Path; from lrviz.gallery import collect, render\n"
        "import lrviz.gallery, functools; from lrviz.engine.select import replay\n"
        "lrviz.gallery.replay = functools.partial(replay, engine='light')\n"
        "render(collect(Path(sys.argv[1])), Path(sys.argv[2]), ['png', 'svg'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    again = tmp_path / "again"
    again.mkdir()
    assert subprocess.run([sys.executable, "-c", code, str(configs), str(again)], check=False).returncode == 0
    assert {path.name: path.read_bytes() for path in drawn.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_a_folder_without_experiments_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"holds no \.yaml files"):
        collect(tmp_path)


def test_lrvizs_own_experiments_are_named_without_their_order():
    names = [entry.name for entry in collect(own_configs())]
    assert len(names) >= 31
    assert names[:3] == ["step", "multistep", "constant"]


@pytest.mark.parametrize("name", ["2024-05-run", "01-exp", "07-", "v1.2", "my exp (v2) [a] #1 100%"])
def test_names_are_kept_as_they_are(tmp_path, name):
    (tmp_path / f"{name}.yaml").write_text(STEP)
    assert [entry.name for entry in collect(tmp_path)] == [name]


def test_sub_folders_are_walked_but_for_hidden_and_linked_ones(configs, tmp_path):
    for folder in ("sub/deeper", ".hidden"):
        (configs / folder).mkdir(parents=True)
        (configs / folder / "stairs.yaml").write_text(STEP)
    (configs / ".pre-commit-config.yaml").write_text("repos: []\n")
    (configs / "linked").symlink_to(configs / "sub")
    entries = collect(configs)
    assert [entry.name for entry in entries] == ["stairs", "sub/deeper/stairs", "wave"]
    (tmp_path / "out").mkdir()
    render(entries, tmp_path / "out", ["svg"])
    assert (tmp_path / "out" / "sub" / "deeper" / "stairs.svg").is_file()


def test_a_link_in_the_index_leads_to_its_figure(tmp_path):
    name = "my exp (v2) [a] #1 100%"
    (tmp_path / f"{name}.yaml").write_text(STEP)
    render(collect(tmp_path), tmp_path, ["svg"])
    link = "my%20exp%20%28v2%29%20%5Ba%5D%20%231%20100%25.svg"
    assert f"![Down the stairs]({link})" in (tmp_path / INDEX).read_text()


def test_other_peoples_text_is_text_in_the_index(tmp_path):
    title = r'"<script>x</script>\n# [a](b) `c` *d* snake_case _e_"'
    (tmp_path / "a.yaml").write_text(f"title: {title}\nscheduler: {{name: cosine}}\n# ````\n")
    render(collect(tmp_path), tmp_path, ["svg"])
    index = (tmp_path / INDEX).read_text()
    shown = r"&lt;script&gt;x&lt;/script&gt; \# \[a\](b) \`c\` \*d\* snake_case \_e\_"
    assert f"### {shown}\n" in index
    assert re.search(r"^`````yaml\n.*^`````$", index, re.DOTALL | re.MULTILINE)


def test_findings_are_marked_on_the_figure_and_in_the_index(tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler: {name: exponential, gamma: 0.5}\n")
    entries = collect(tmp_path)
    assert [finding.rule for finding in entries[0].findings] == ["lr-dead"]
    render(entries, tmp_path, ["svg"])
    assert ">lr-dead<" in (tmp_path / "a.svg").read_text()
    assert "Warning: `lr-dead`: " in (tmp_path / INDEX).read_text()


def test_every_replay_is_reported_once(configs):
    names: list[str] = []
    collect(configs, on_replayed=names.append)
    assert names == ["stairs", "wave"]


def test_what_interrupts_drawing_leaves_the_folder_as_it_was(configs, drawn):
    before = {path: path.read_bytes() for path in drawn.iterdir()}
    (configs / "stairs.yaml").write_text(STEP.replace("0.5", "0.25"))

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(collect(configs), drawn, ["png", "svg"], interrupt)
    assert {path: path.read_bytes() for path in drawn.iterdir()} == before


def test_a_folder_in_a_figures_place_is_named_and_nothing_is_left(configs, tmp_path):
    (tmp_path / "stairs.svg").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*stairs\.svg: is a directory"):
        render(collect(configs), tmp_path, ["svg"])
    assert list(tmp_path.glob(".*")) == []


def test_the_index_links_to_its_sections(configs, tmp_path):
    (configs / "flat.yaml").write_text(f"{STEP}gallery: {{section: 'By hand, (v2)'}}\n")
    render(collect(configs), tmp_path, ["png"])
    index = (tmp_path / INDEX).read_text()
    assert "- [By hand, (v2)](#by-hand-v2)" in index
    assert "## By hand, (v2)" in index


OVERLAY = """\
title: Both ways
scheduler: {name: cosine}
overlay:
  - {label: down, scheduler: {T_max: 8}}
  - {label: stairs, scheduler: {name: step, step_size: 500}}
gallery: {section: Comparing, show: [lr, momentum]}
"""


@pytest.fixture
def compared(tmp_path):
    (tmp_path / "both.yaml").write_text(OVERLAY)
    render(collect(tmp_path), tmp_path, ["svg"])
    return tmp_path


def test_an_overlay_is_one_figure_and_in_no_summary(compared):
    assert {path.name for path in compared.glob("*.svg")} == {"both.svg"}
    picture = (compared / "both.svg").read_text()
    assert all(f">{name}</text>" in picture for name in ("Both ways", "down", "stairs"))


def test_the_index_shows_an_overlay_with_its_yaml_and_its_findings_by_label(compared):
    index = (compared / INDEX).read_text()
    assert "### Both ways\n\n![Both ways](both.svg)\n\n" in index
    assert "Warning: `never-moves`: stairs: StepLR decays after 500 steps" in index
    assert f"```yaml\n{OVERLAY}```" in index
    assert "Source:" not in index


def test_the_numbers_of_an_overlay_are_those_of_every_experiment(compared):
    numbers = json.loads((compared / CURVES).read_text())
    assert list(numbers) == ["both: down", "both: stairs"]
    assert {each["steps"] for each in numbers.values()} == {32}


def test_an_experiment_of_an_overlay_that_fails_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text(OVERLAY.replace("T_max: 8", "name: onecycle, max_lr: 1, total_steps: 9"))
    with pytest.raises(ReplayError, match=r"a.yaml: down: .*Tried to step"):
        collect(tmp_path)


def test_a_document_says_how_the_gallery_draws_it(tmp_path):
    document = "run: {epochs: 3}\nscheduler: {name: onecycle, max_lr: 1}\n"
    (tmp_path / "a.yaml").write_text(f"{document}gallery: {{show: [lr, momentum], x: epoch, summary: false}}\n")
    render(collect(tmp_path), tmp_path, ["svg"])
    picture = (tmp_path / "a.svg").read_text()
    assert ">Epochs</text>" in picture
    assert ">Momentum</text>" in picture

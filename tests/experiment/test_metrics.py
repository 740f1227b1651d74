"""A column of a log as the metric of a plateau."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

import lrviz
from lrviz import SpecError
from lrviz.documents import read as build
from lrviz.experiment import metrics
from lrviz.experiment.metrics import read_column
from lrviz.experiment.values import Value

ABSENT = "log.csv has no column 'loss'"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str | bytes, column: str = "loss") -> tuple[float, ...]:
    Path("log.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_column(f"log.csv:{column}")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("loss\n1\n2.5\n", (1.0, 2.5)),
        ("epoch,loss\n0,1e-3\n1,2e-3\n", (1e-3, 2e-3)),
        ("loss,acc\n1,\n,0.5\n2,\n", (1.0, 2.0)),
        ("loss,acc\n1,0\n\n2\n", (1.0, 2.0)),
        ("\ufeffloss\r\n1\r\n", (1.0,)),
        ('"loss"\n"1"\n', (1.0,)),
        ("loss\n -1 \n", (-1.0,)),
    ],
)
def test_column_is_read(text: str, values: tuple[float, ...]) -> None:
    assert read(text) == values


@pytest.mark.parametrize("column", ["val/loss", "a:b"[0], "val loss", "ä"])
def test_column_may_be_named_oddly(column: str) -> None:
    assert read(f"{column}\n1\n", column) == (1.0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "log.csv has no column 'loss'; it has none"),
        ("a,b\n1,2\n", "log.csv has no column 'loss'; it has a, b"),
        ("Loss\n1\n", "log.csv has no column 'loss'; it has Loss; did you mean 'Loss'?"),
        ("loss\n", "log.csv has no values in column 'loss'"),
        ("loss\n\n\n", "log.csv has no values in column 'loss'"),
        ("loss\n1\nlow\n", "log.csv:3: no finite number in column 'loss'"),
        ("loss\nnan\n", "log.csv:2: no finite number in column 'loss'"),
        ("loss\n1\n2\ninf\n", "log.csv:4: no finite number in column 'loss'"),
        ("loss,a,loss\n1,2,3\n", "log.csv has 2 columns 'loss'"),
        (b"loss\n\xff\n", "log.csv is not a CSV file in UTF-8"),
        ("loss\n" + "1" * 200_000, "log.csv:2: not CSV, or a cell of more than 131,072 characters"),
        (
            ",".join(f"c{n}" for n in range(15)),
            f"{ABSENT}; it has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 5 more",
        ),
        ("a" * 90 + ",b", f"{ABSENT}; it has {'a' * 58}, b"),
        ("a" * 100_001, "log.csv: its first line, the names of the columns, is longer than 100,000 characters"),
    ],
)
def test_bad_file_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert str(caught.value).startswith(f"metric_csv: {message}")


def test_file_starts_at_the_folder(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.csv").write_text("val//loss\n1\n")
    assert read_column("log.csv:val//loss", folder / "logs") == (1.0,)


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_CSV_BYTES", 9)
    assert read("loss\n1.25") == (1.25,)
    with pytest.raises(SpecError, match=r"metric_csv: log\.csv has 10 bytes, more than 9"):
        read("loss\n1.250")


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MAX_LINES", 3)
    assert read("loss\n1\n2\n") == (1.0, 2.0)
    with pytest.raises(SpecError, match=r"metric_csv: log\.csv has more than 3 lines"):
        read("loss\n1\n\n\n")


@pytest.mark.parametrize(
    "text",
    [b"loss\n" + b"1\n" * 20_000_000, b"loss," * 9_999_999, b'"a\n",' * 8_000_000, b"loss\n" + b"1," * 24_000_000],
    ids=["rows", "header", "header over lines", "cells"],
)
def test_the_largest_file_is_read_or_refused_soon(text: bytes) -> None:
    Path("log.csv").write_bytes(text)
    start = time.process_time()
    with suppress(SpecError):
        read_column("log.csv:loss")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("source", ["log.csv", "log.csv:", ":loss", "", ":"])
def test_source_is_a_file_and_a_column(source: str) -> None:
    with pytest.raises(SpecError, match=r"must be FILE:COLUMN, such as log\.csv:val_loss"):
        read_column(source)


@pytest.mark.parametrize("name", ["missing.csv", ".", "a\0b"])
def test_file_that_cannot_be_opened_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="cannot read"):
        read_column(f"{name}:loss")


def test_a_pipe_is_no_ordinary_file() -> None:
    os.mkfifo("pipe")
    with pytest.raises(SpecError, match="cannot read 'pipe': not an ordinary file"):
        read_column("pipe:x")


@pytest.mark.parametrize("text", ["SECRET=1,other\n1\n", "loss\nSECRET\n", "loss,loss,SECRET\n", "loss\n\0SECRET\n"])
def test_no_message_quotes_what_a_document_names(text: str, folder: Path) -> None:
    Path("log.csv").write_text(text)
    with pytest.raises(SpecError, match=r"log\.csv") as caught:
        read_column("log.csv:loss", folder, [folder])
    assert "SECRET" not in str(caught.value)


def test_no_message_tells_a_column_that_a_document_nearly_names(folder: Path) -> None:
    Path("log.csv").write_text("TOKEN=abcdefgh\n")
    with pytest.raises(SpecError, match=r"has no column 'TOKEN=abcdefg'$"):
        read_column("log.csv:TOKEN=abcdefg", folder, [folder])


@pytest.fixture
def logs(folder: Path) -> Path:
    """Return the folder of a document, beside which and in which there are logs."""
    for name in ("outside", "docs/runs"):
        (folder / name).mkdir(parents=True)
        (folder / name / "log.csv").write_text("loss\n1\n")
    (folder / "docs" / "log.csv").write_text("loss\n1\n")
    (folder / "docs" / "a.yaml").touch()
    (folder / "docs" / "link").symlink_to(folder / "outside")
    (folder / "docs" / "link.csv").symlink_to(folder / "outside" / "log.csv")
    (folder / "docs" / "circle").symlink_to(folder / "docs" / "circle")
    (folder / "docs2").mkdir()
    (folder / "docs2" / "log.csv").write_text("loss\n1\n")
    return folder / "docs"


def document(source: str) -> str:
    return f"run: {{steps: 2}}\nscheduler: {{name: plateau, metric_csv: '{source}:loss'}}\n"


@pytest.mark.parametrize("name", ["log.csv", "runs/log.csv", "./runs/../log.csv", "../docs/log.csv"])
def test_a_file_below_the_documents_folder_is_read(logs: Path, name: str) -> None:
    (logs / "a.yaml").write_text(document(name))
    assert lrviz.load(logs / "a.yaml").scheduler.metric == (1.0,)


OUTSIDE = [
    "../outside/log.csv",
    "link/log.csv",
    "link.csv",
    "../docs2/log.csv",
    "/proc/self/environ",
    "/etc/passwd",
    "../missing.csv",
    "runs/../../outside/log.csv",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_elsewhere_is_refused_whether_it_is_there_or_not(logs: Path, name: str) -> None:
    (logs / "a.yaml").write_text(document(name))
    with pytest.raises(SpecError, match=r"lies outside the document's folder; --allow-files FOLDER allows another$"):
        lrviz.load(logs / "a.yaml")


def test_links_in_a_circle_are_refused(logs: Path) -> None:
    (logs / "a.yaml").write_text(document("circle"))
    with pytest.raises(SpecError, match="cannot read"):
        lrviz.load(logs / "a.yaml")


@pytest.mark.parametrize("name", ["../outside/log.csv", "link/log.csv", "link.csv", "log.csv"])
def test_a_folder_that_is_allowed_is_read_from_as_well(logs: Path, name: str) -> None:
    (logs / "a.yaml").write_text(document(name))
    assert lrviz.load(logs / "a.yaml", allow_files=[logs.parent / "outside"]).scheduler.metric == (1.0,)


def test_a_document_that_is_called_as_a_flag_is_none(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    for name in ("--metric-csv", "-a.yaml"):
        Path(name).write_text(document("../outside/log.csv"))
        with pytest.raises(SpecError, match="lies outside the document's folder"):
            lrviz.load(name)


def test_a_string_for_the_list_of_folders_is_refused() -> None:
    with pytest.raises(SpecError, match="allow_files must be a list of folders"):
        lrviz.load({"scheduler": {"name": "step", "step_size": 8}}, allow_files="/")


def test_a_mapping_reads_below_the_current_folder(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    scheduler = {"name": "plateau", "metric_csv": "runs/log.csv:loss"}
    assert lrviz.load({"run": {"steps": 2}, "scheduler": scheduler}).scheduler.metric == (1.0,)
    with pytest.raises(SpecError, match="lies outside the document's folder"):
        lrviz.load({"run": {"steps": 2}, "scheduler": scheduler | {"metric_csv": "../outside/log.csv:loss"}})


def test_a_flag_counts_from_the_current_folder_and_names_any_file(logs: Path) -> None:
    flag = Value("outside/../docs/link.csv:loss", "--metric-csv")
    scheduler = Value({"name": Value("plateau"), "metric_csv": flag})
    root = Value({"run": Value.of({"steps": 2}), "scheduler": scheduler})
    assert build(root, folder=logs).scheduler.metric == (1.0,)

"""A column of a log as the metric of a plateau."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrviz import SpecError
from lrviz.experiment import metrics
from lrviz.experiment.metrics import read_column


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
        ("loss\n1\nlow\n", "log.csv:3: 'low' is not a finite number"),
        ("loss\nnan\n", "log.csv:2: 'nan' is not a finite number"),
        ("loss\n1\n2\ninf\n", "log.csv:4: 'inf' is not a finite number"),
        (b"loss\n\xff\n", "log.csv is not a CSV file in UTF-8: "),
        ("loss\n" + "1" * 200_000, "log.csv is not a CSV file in UTF-8: field larger"),
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
    with pytest.raises(SpecError, match=r"metric_csv: log\.csv is larger than 9 bytes"):
        read("loss\n1.250")


@pytest.mark.parametrize("source", ["log.csv", "log.csv:", ":loss", "", ":"])
def test_source_is_a_file_and_a_column(source: str) -> None:
    with pytest.raises(SpecError, match=r"must be FILE:COLUMN, such as log\.csv:val_loss"):
        read_column(source)


@pytest.mark.parametrize("name", ["missing.csv", ".", "a\0b"])
def test_file_that_cannot_be_opened_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="cannot read"):
        read_column(f"{name}:loss")

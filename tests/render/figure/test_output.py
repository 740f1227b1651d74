from __future__ import annotations

import io
from array import array
from pathlib import Path

import matplotlib
import numpy
import pytest

from lrviz.arrays import column
from lrviz.errors import OutputError, SpecError
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import CosineAnnealingLR
from lrviz.render.figure.draw import draw
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.output import FORMATS, format_of, write
from lrviz.trace import GroupTrace, Trace


def cosine(epochs=4, steps_per_epoch=8, title=None):
    experiment = Experiment(
        scheduler=CosineAnnealingLR(), run=Run(epochs=epochs, steps_per_epoch=steps_per_epoch), title=title
    )
    steps = epochs * steps_per_epoch
    rates = array("d", (1e-3 * (1 + numpy.cos(numpy.pi * numpy.arange(steps) / steps)) / 2).tobytes())
    trace = Trace(
        groups=(GroupTrace(name="default", lr=column(rates)),),
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        momentum_name=None,
        engine="none",
        torch_version="0",
    )
    return trace, experiment


@pytest.fixture
def figure():
    return draw(*cosine())


class Broken:
    """A figure whose drawing is interrupted half way."""

    dpi = 100

    def __init__(self, error):
        self.error = error

    def savefig(self, stream, **rest):
        stream.write(b"half")
        raise self.error


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_same_figure_is_the_same_bytes(file_format):
    written = []
    for _ in range(2):
        stream = io.BytesIO()
        write(draw(*cosine(), FigureOptions(annotate=True)), stream, file_format)
        written.append(stream.getvalue())
    assert written[0] == written[1]


@pytest.mark.parametrize(("file_format", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_path_holds_the_format(figure, tmp_path, file_format, start):
    target = tmp_path / f"a.{file_format}"
    write(figure, target, file_format)
    assert target.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [target]


def test_dpi_is_the_figure_s_own_when_unset(figure):
    stream = io.BytesIO()
    write(figure, stream, "png")
    assert int.from_bytes(stream.getvalue()[16:20]) == 1000
    write(figure, stream := io.BytesIO(), "png", 50)
    assert int.from_bytes(stream.getvalue()[16:20]) == 500


def test_text_in_an_svg_is_text():
    stream = io.BytesIO()
    write(draw(*cosine(title="cost & $x$ <50%")), stream, "svg")
    text = stream.getvalue().decode()
    assert "cost &amp; $x$ &lt;50%" in text
    assert "Learning Rate" in text


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_file_says_neither_when_nor_by_what_version_it_was_made(figure, file_format):
    figure.savefig(signed := io.BytesIO(), format=file_format)
    write(figure, stream := io.BytesIO(), file_format)
    said = [b"Software", b"<dc:date>", b"<dc:creator>", b"/CreationDate", b"/Creator", b"/Producer"]
    said.append(matplotlib.__version__.encode())
    assert any(words in signed.getvalue() for words in said)
    assert [words for words in said if words in stream.getvalue()] == []


def test_a_million_steps_are_a_small_svg():
    stream = io.BytesIO()
    write(draw(*cosine(100, 10_000)), stream, "svg")
    assert len(stream.getvalue()) < 200_000


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_interrupts_leaves_no_file(tmp_path, error):
    with pytest.raises((KeyboardInterrupt, OutputError)):
        write(Broken(error), tmp_path / "a.png", "png")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="no space left"):
        write(Broken(OSError(28, "No space left on device")), target, "png")
    assert target.read_bytes() == b"old"


def test_a_missing_folder_is_named(figure, tmp_path):
    with pytest.raises(OutputError, match=r"there is no folder .*absent"):
        write(figure, tmp_path / "absent" / "a.png", "png")


def test_a_folder_is_not_a_file(figure, tmp_path):
    with pytest.raises(OutputError, match="it is a folder"):
        write(figure, tmp_path, "png")


def test_the_mode_is_what_open_gives(figure, tmp_path):
    (tmp_path / "plain").touch()
    write(figure, tmp_path / "a.png", "png")
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["a.png", "b.SVG", "dir.x/c.pdf"])
def test_the_suffix_decides(name):
    assert format_of(Path(name)) == name[-3:].lower()


@pytest.mark.parametrize(
    ("name", "message"), [("a.pgn", "did you mean '.png'"), ("a", "has no suffix"), ("a.gif", ".gif")]
)
def test_other_suffixes_are_refused(name, message):
    with pytest.raises(SpecError, match=message):
        format_of(Path(name))


def test_an_unknown_format_is_refused(figure):
    with pytest.raises(SpecError, match="did you mean 'svg'"):
        write(figure, io.BytesIO(), "svgz")


@pytest.mark.parametrize("title", ["学习率", "null\x00byte", "\ud800", "tab\tand\nline", "$\\frac$", "%s {}"])
def test_any_title_can_be_written(title):
    for file_format in FORMATS:
        stream = io.BytesIO()
        write(draw(*cosine(title=title)), stream, file_format)
        assert stream.getvalue()


def test_a_link_stays_one_and_what_it_leads_to_is_written(figure, tmp_path):
    (tmp_path / "link.svg").symlink_to("real.svg")
    write(figure, tmp_path / "link.svg", "svg")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "real.svg").read_bytes().startswith(b"<?xml")


def test_a_file_that_may_not_be_written_is_refused(tmp_path):
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    target.chmod(0o444)
    with pytest.raises(OutputError, match="may not be written"):
        write(Broken(AssertionError()), target, "png")
    assert target.read_bytes() == b"old"

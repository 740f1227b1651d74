"""Pictures in a terminal: what is sent, read back."""

from __future__ import annotations

import io
import re
from base64 import standard_b64decode

import pytest
from PIL import Image

from lrviz.render.figure.inline import COLORS, escaped, protocol


@pytest.fixture
def png() -> bytes:
    image = Image.new("RGB", (50, 20), "white")
    image.paste("red", (3, 4, 40, 9))
    image.paste("blue", (10, 8, 11, 20))
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"), ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"), ({"TERM_PROGRAM": "WezTerm", "TERM": "xterm"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"), ({"TERM": "xterm-256color"}, None), ({}, None),
    ],
)  # fmt: skip
def test_a_terminal_is_known_by_its_environment(environment, expected) -> None:
    assert protocol(environment) == expected


def test_kitty_gets_the_file_in_chunks(png: bytes) -> None:
    padded = png + bytes(range(256)) * 40
    chunks = re.findall("\x1b_G([^;]*);([^\x1b]*)\x1b\\\\", escaped(padded, "kitty"))
    assert [head for head, _ in chunks] == ["a=T,f=100,m=1", *["m=1"] * (len(chunks) - 2), "m=0"]
    assert max(len(data) for _, data in chunks) <= 4096
    assert standard_b64decode("".join(data for _, data in chunks)) == padded


def test_iterm2_gets_the_file_whole(png: bytes) -> None:
    size, data = re.fullmatch("\x1b]1337;File=inline=1;size=([0-9]+):(.*)\x07", escaped(png, "iterm2")).groups()
    assert (int(size), standard_b64decode(data)) == (len(png), png)


def test_sixel_gets_every_pixel(png: bytes) -> None:
    text = escaped(png, "sixel")
    assert text.startswith('\x1bPq"1;1;50;20')
    assert text.endswith("\x1b\\")
    palette = {
        int(number): tuple(int(part) * 255 // 100 for part in rgb.split(";"))
        for number, rgb in re.findall(r"#([0-9]+);2;([0-9;]+)", text)
    }
    assert len(palette) <= COLORS
    image = Image.new("RGB", (50, 24))
    body = re.sub(r'^\x1bPq"[0-9;]+(#[0-9]+;2;[0-9;]+)*|\x1b\\$', "", text)
    for band, row in enumerate(body.split("-")):
        for number, run in re.findall(r"#([0-9]+)([^$#]*)\$", row):
            x = 0
            for count, letter in re.findall(r"(?:!([0-9]+))?([?-~])", run):
                for _ in range(int(count or 1)):
                    for bit in range(6):
                        if (ord(letter) - 63) >> bit & 1:
                            image.putpixel((x, band * 6 + bit), palette[int(number)])
                    x += 1
            assert x == 50
    expected = Image.open(io.BytesIO(png)).convert("RGB")
    assert image.crop((0, 0, 50, 20)).tobytes() == expected.tobytes()

"""A figure inside a terminal that shows pictures: as kitty, iTerm2 or sixel have it."""

from __future__ import annotations

import io
import math
from base64 import standard_b64encode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Protocol = Literal["kitty", "iterm2", "sixel"]
PROTOCOLS: tuple[Protocol, ...] = ("kitty", "iterm2", "sixel")

CHUNK = 4096  # bytes of base64 that kitty takes at a time
COLORS = 64  # of a sixel picture
_NAMED: Mapping[str, Protocol] = {
    "iTerm.app": "iterm2", "WezTerm": "iterm2", "vscode": "iterm2", "mintty": "iterm2", "ghostty": "kitty",
}  # fmt: skip
_SIXEL = ("foot", "mlterm", "contour", "yaft")


def protocol(environment: Mapping[str, str]) -> Protocol | None:
    """Return how the terminal of an environment takes pictures, None where it does not say that it does."""
    term = environment.get("TERM", "")
    if "KITTY_WINDOW_ID" in environment or "kitty" in term or "ghostty" in term:
        return "kitty"
    if environment.get("TERM_PROGRAM") in _NAMED:
        return _NAMED[environment["TERM_PROGRAM"]]
    return "sixel" if "sixel" in term or term.startswith(_SIXEL) else None


def escaped(png: bytes, how: Protocol) -> str:
    """Return the characters that show a PNG picture: as kitty, iTerm2 or DEC's sixel have it."""
    if how == "kitty":
        return "".join(_kitty(standard_b64encode(png).decode()))
    if how == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(png)}:{standard_b64encode(png).decode()}\x07"
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return "".join(_sixel(image.convert("RGB").quantize(COLORS)))


def _kitty(data: str) -> Iterator[str]:
    """Yield a picture in chunks, the first with the format, PNG, and what to do with it: show it."""
    for start in range(0, len(data), CHUNK):
        more = int(start + CHUNK < len(data))
        head = f"a=T,f=100,m={more}" if not start else f"m={more}"
        yield f"\x1b_G{head};{data[start : start + CHUNK]}\x1b\\"


def _sixel(image: Image) -> Iterator[str]:
    """Yield a picture of few colours in bands of six rows, colour by colour, runs counted."""
    width, height = image.size
    colors = image.getpalette() or []
    pixels = image.tobytes()
    yield f'\x1bPq"1;1;{width};{height}'
    for number in range(len(colors) // 3):
        red, green, blue = (round(part / 255 * 100) for part in colors[3 * number : 3 * number + 3])
        yield f"#{number};2;{red};{green};{blue}"
    for top in range(0, height, 6):
        rows = [pixels[row * width : (row + 1) * width] for row in range(top, min(top + 6, height))]
        for number in sorted(set(b"".join(rows))):
            bits = (sum((row[x] == number) << place for place, row in enumerate(rows)) for x in range(width))
            yield f"#{number}{''.join(_runs(bits))}$"
        yield "-"
    yield "\x1b\\"


def _runs(bits: Iterator[int]) -> Iterator[str]:
    """Yield sixels, a run of over three of them by its length."""
    last, count = -1, 0
    for bit in (*bits, math.inf):
        if bit != last and count:
            letter = chr(63 + last)
            yield f"!{count}{letter}" if count > 3 else letter * count
            count = 0
        last, count = int(bit) if bit != math.inf else -1, count + 1

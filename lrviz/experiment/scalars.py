"""Plain YAML scalars, read as what everyone means: `1e-3` is a number; and numbers as people write them."""

from __future__ import annotations

import math
import re
from typing import Any

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "none": None}
_WORDS |= dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9]+)(e[-+]?[0-9]+)?|[-+]?\.?(inf|nan|infinity)", re.IGNORECASE
)
LONGEST_NUMBER = 300  # characters; Python turns an integer of thousands into text slowly, or not at all


def scalar(text: str) -> Scalar:
    """Return the null, boolean, number or string that an unquoted scalar stands for."""
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _INTEGER.fullmatch(word) and len(word) <= LONGEST_NUMBER:
        return int(word.replace("_", ""))
    if _FLOAT.fullmatch(word):
        return float(word.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def unboxed(value: Any) -> Any:
    """Return a scalar of numpy's or torch's as Python's own, in a list, too; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(unboxed, value)) if type(value) in (list, tuple) else value
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def short(value: float, digits: int = 3) -> str:
    """Return a number as people write it: 0.001, 2.5e-7, 12000."""
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".") or "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"

"""Plain YAML scalars, read as what everyone means: `1e-3` is a number."""

from __future__ import annotations

import re

__all__ = ["LONGEST_INTEGER", "Scalar", "scalar"]

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "none": None}
_WORDS |= dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*")
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.?(inf|nan|infinity)", re.IGNORECASE
)
LONGEST_INTEGER = 300  # digits; Python turns one of thousands into text slowly, or not at all


def scalar(text: str) -> Scalar:
    """Return the null, boolean, number or string that an unquoted scalar stands for."""
    word = text.strip()
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if _INTEGER.fullmatch(word) and len(word) <= LONGEST_INTEGER:
        return int(word.replace("_", ""))
    if _FLOAT.fullmatch(word):
        return float(word.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text

"""Docstrings, which lrviz shows as help: from the file where Python left them out (-OO)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def docstring(thing: type | Callable[..., Any]) -> str:
    """Return the docstring of a class or a function without its indent; empty where neither has it."""
    if __doc__:
        return inspect.cleandoc(thing.__doc__ or "")
    import ast
    import textwrap

    with suppress(OSError, SyntaxError):
        node = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            return ast.get_docstring(node) or ""
    return ""

"""A schedule as HTML for a notebook: its picture, a line on what it does, and what is wrong with it."""

from __future__ import annotations

import html
from base64 import standard_b64encode
from collections.abc import Iterable

COLORS = {"error": "#C62828", "warning": "#B45309", "info": "#6B7280"}

Said = tuple[str, str, str]  # severity, rule, message


def page(png: bytes | None, alt: str, lines: Iterable[str], said: Iterable[Said]) -> str:
    """Return HTML with a picture inside it; all text of others is escaped."""
    parts = []
    if png is not None:
        data = standard_b64encode(png).decode()
        parts.append(f'<img alt="{html.escape(alt)}" style="max-width: 100%" src="data:image/png;base64,{data}">')
    parts += [f"<div>{html.escape(line)}</div>" for line in lines]
    parts += [
        f'<div><b style="color: {COLORS[severity]}">{severity} {html.escape(rule)}</b>: {html.escape(message)}</div>'
        for severity, rule, message in said
    ]
    return f"<div>{''.join(parts)}</div>"

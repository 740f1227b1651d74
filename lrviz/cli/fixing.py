"""`lrviz check --fix` and `--diff`: the fixes of findings made in a file, each only where it helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from lrviz.cli.findings import Checked, Edit, Found
from lrviz.cli.rewriting import rewritten
from lrviz.files import replacing

_MARK = b"\xef\xbb\xbf"  # which some editors put before UTF-8


@dataclass(frozen=True)
class Fixed:
    """A file and what becomes of it: the fixes that were made, and what is found afterwards."""

    path: Path
    content: bytes
    new: bytes
    done: list[Found]
    checked: Checked

    def diff(self) -> str:
        """Return the difference, as `diff -u` and git show it."""
        old, new = (text.decode("utf-8-sig").splitlines(keepends=True) for text in (self.content, self.new))
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in unified_diff(old, new, str(self.path), str(self.path))
        )

    def write(self) -> None:
        """Write the file, whole, where anything was fixed; raises OutputError where it cannot be."""
        if self.done:
            with replacing(self.path) as file:
                file.write(self.new)


def fix(path: Path, checked: Checked, check: Callable[[bytes], Checked], key: str | None = None) -> Fixed:
    """Make the fixes of a file's findings, in memory, one after another.

    A fix stays where its finding is gone with it, and no error is new; `check` checks the file as if it
    had another content, and `key` is where in it the schedule stands.
    """
    content = new = path.read_bytes()
    done: list[Found] = []
    seen = {content}
    tried = set()
    while True:
        left = [each for each in checked.found if each.finding.changes and _key(each) not in tried]
        if not left:
            return Fixed(path, content, new, done, checked)
        found = left[0]
        tried.add(_key(found))
        candidate = _with_fix(new, found, key, is_json=_is_json(path))
        if candidate is None or candidate in seen:
            continue
        after = check(candidate)
        if _helps(found, checked, after):
            new, checked = candidate, after
            seen.add(new)
            done.append(found)


def with_edits(path: Path, checked: Checked, check: Callable[[bytes], Checked], key: str | None = None) -> Checked:
    """Return what was found with the edit that each fix is, alone, where it helps; `check` and `key` as in `fix`."""
    content = path.read_bytes()

    def edited(found: Found) -> Found:
        new = _with_fix(content, found, key, is_json=_is_json(path)) if found.finding.changes else None
        is_good = new is not None and new != content and _helps(found, checked, check(new))
        return replace(found, edit=_edit(content, new)) if new is not None and is_good else found

    return replace(checked, found=[edited(found) for found in checked.found])


def _edit(old: bytes, new: bytes) -> Edit:
    """Return what is between the lines that two contents begin and end with alike, a line at least of each."""
    before, after = (content.decode("utf-8-sig").split("\n") for content in (old, new))
    if not before[-1]:
        del before[-1], after[-1]  # no line, but what the last line's end is followed by
    shorter = min(len(before), len(after)) - 1
    first = next((line for line in range(shorter) if before[line] != after[line]), shorter)
    alike = next((line for line in range(shorter - first) if before[-1 - line] != after[-1 - line]), shorter - first)
    last = len(before) - alike
    text = "\n".join(after[first : len(after) - alike])
    return Edit(first + 1, last, len(before[last - 1].removesuffix("\r")), text.removesuffix("\r"))


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _key(found: Found) -> tuple[str, str]:
    return found.finding.rule, repr(found.finding.changes)


def _with_fix(content: bytes, found: Found, key: str | None, *, is_json: bool) -> bytes | None:
    """Return a file's content with a fix made, its line ends as they are; None where it cannot be made."""
    text = content.decode("utf-8-sig")
    end = "\r\n" if "\r\n" in text else "\n"
    within = f"{key}." if key else ""
    changes = [replace(change, field=within + change.field) for change in found.finding.changes]
    changed = rewritten(text.replace("\r\n", "\n"), changes, is_json=is_json)
    mark = _MARK if content.startswith(_MARK) else b""
    return None if changed is None else mark + changed.replace("\n", end).encode()


def _helps(found: Found, before: Checked, after: Checked) -> bool:
    """Return whether a finding is gone, and no error is new."""
    rule = found.finding.rule
    errors, more = (
        Counter(each.finding.rule for each in one.found if each.finding.severity == "error") for one in (before, after)
    )
    is_gone = _count(after, rule) < _count(before, rule)
    return after.run is not None and is_gone and not more - errors


def _count(checked: Checked, rule: str) -> int:
    return sum(each.finding.rule == rule for each in checked.found)

"""Files of a git revision, `REV:path`, as `git show` names them: read from a commit or the index, never checked out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.values import MAX_BYTES


def is_revision(name: str, suffixes: tuple[str, ...]) -> bool:
    """Return whether a target is a file of a revision: what stands behind its colon ends as a file does."""
    revision, colon, path = name.partition(":")
    return bool(colon and path) and not revision.startswith("-") and Path(path).suffix.lower() in suffixes


def refuse_no_file(name: str, suffixes: tuple[str, ...]) -> None:
    """Raise SpecError where what stands before a name's colon is a commit, and what stands behind it no target."""
    revision, colon, _ = name.partition(":")
    if not colon or not revision or revision.startswith("-"):
        return
    if isinstance(_git(Path(), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"), bytes):
        ends = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise SpecError(f"{shown(name)} names no file: of a git revision a target is REV:FILE, which ends in {ends}")


def content(name: str) -> bytes:
    """Return what a file holds in a revision, at most a byte more than a document may.

    A relative path starts at the current folder, and the repository is that of the file. An empty revision
    is the index. Raises SpecError, with git's own words, where there is no such file, revision or repository.
    """
    revision, _, path = name.partition(":")
    folder, inner = _repository_folder(Path(path))
    data = _git(folder, "cat-file", "blob", f"{revision}:./{inner}")
    if isinstance(data, bytes):
        return data
    raise SpecError(Problem(place=name, message=data + _instead(folder, revision, inner)))


def holds(name: str, other: str) -> bool:
    """Return whether the revision of a file holds another, whose path starts at that file's folder.

    What is no .json may be a list of files, or a column of one, and counts as held.
    """
    revision, _, path = name.partition(":")
    folder, inner = _repository_folder(Path(path).parent / other)
    return not other.endswith(".json") or isinstance(_git(folder, "cat-file", "-e", f"{revision}:./{inner}"), bytes)


def _repository_folder(path: Path) -> tuple[Path, str]:
    """Return the nearest folder above a file that exists today, and the way from there to the file."""
    folder = next(each for each in path.parents if os.path.isdir(each))  # noqa: PTH112  Path.is_dir raises for a long name
    return folder, Path(os.path.relpath(path, folder)).as_posix()


def _git(folder: Path, *arguments: str) -> bytes | str:
    """Return what git prints, at most a byte more than a document may; or in a line why it prints nothing."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            data = process.stdout.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                process.kill()
                return data
            words = process.stderr.read().decode(errors="replace").strip()
    except OSError as error:
        return f"git, which reads revisions, cannot be run: {(error.strerror or str(error)).lower()}"
    except ValueError as error:  # a null character
        return f"is no file of a revision: {error}"
    said = words.partition("\n")[0].removeprefix("fatal: ").rstrip(".")
    return data if process.returncode == 0 else f"git says: {said}"


def _instead(folder: Path, revision: str, inner: str) -> str:
    """Return a file of that revision with a like name, or else the last commit that has the file."""
    found = _git(folder, "ls-tree", "--name-only", revision, f"./{Path(inner).parent.as_posix()}/")
    if not isinstance(found, bytes):
        return ""  # there is no such revision, or nothing of it can be read
    last = _git(folder, "log", "-1", "--no-show-signature", "--format=%h", "--diff-filter=AMT", "--", f"./{inner}")
    if isinstance(last, bytes) and last.strip():
        return f"; {last.decode().strip()} is the last commit that wrote it"
    return nearest(inner, found.decode(errors="replace").splitlines(), 0.8) or f"; no commit has {shown(inner)}"

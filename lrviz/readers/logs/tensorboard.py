"""TensorBoard's event files: their framing and the four fields that hold a learning rate, read here.

tensorboard's own reader brings 55 MB of packages (grpcio, protobuf, werkzeug, a data server) for a format that is a
length with a checksum, and protocol buffers of which these fields count: Event.step and Event.summary, whose values
have a tag and a number. A file is read record by record and may be of any size; images and histograms are passed over.

The checksum of each length is verified, and that of each record that holds a learning rate: what is damaged is told,
not guessed. A record that is cut off at the end of the file is of a run that is still written, or was killed.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from lrviz.errors import Problem, SpecError
from lrviz.readers.logs import LOG_MARK
from lrviz.readers.logs.files import refuse
from lrviz.readers.logs.names import Layout, chosen, groups_in, quoted
from lrviz.readers.logs.records import FLOAT32, MAX_STEP, Records

LABEL = "TensorBoard events"
STEP = "step"
MAX_RECORD = 1 << 20  # bytes of a record that may hold a learning rate
MAX_EVENTS = 5_000_000  # of a file
MAX_VALUES = 2_000_000
DOUBLE_TYPE, FLOAT_TYPE = 2, 1  # DataType of tensorflow

Scalar = tuple[int, str, float]
"""A step, a tag and a number."""


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
        table.append(crc)
    return tuple(table)


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C that TFRecord files have of their parts."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def is_events(head: bytes) -> bool:
    """Return whether a file that begins so is one of records: the checksum of the first length is right."""
    return len(head) >= 12 and masked_crc(head[:8]) == struct.unpack("<I", head[8:12])[0]


def read(paths: Sequence[Path], columns: str | None = None) -> Records:
    """Return the records of a run's event files, in order; several are of one run that was resumed.

    `columns` is what `--log-columns` says: "step" and a tag. Raises SpecError for a file that is none, and
    where no tag is of a learning rate.
    """
    notes: list[str] = []
    scalars = [each for path in sorted(paths, key=_written) for each in _scalars(path, columns, notes)]
    tags = list(dict.fromkeys(tag for _, tag, _ in scalars))
    where = str(paths[0] if len(paths) == 1 else paths[0].parent)
    layout = chosen(columns, [STEP, *tags], where) if columns else _layout(tags)
    if not layout.groups:
        message = f"no tag is of a learning rate; {quoted(tags)}" if tags else "no scalar in it is of a learning rate"
        raise SpecError(Problem(place=where, message=f"{message}; --log-columns step,TAG names another"))
    records = Records(layout, where, LABEL, FLOAT32, notes=notes)
    if len(paths) > 1:
        notes.insert(0, f"{len(paths):,} event files in one folder, read as one run")
    for step, values in _rows(scalars, layout):
        records.add(step, values, where)
    return records


def _layout(tags: Sequence[str]) -> Layout:
    """Return whose tags these are: transformers' and torchtitan's steps, and Ultralytics' epochs, count from 1."""
    groups = groups_in(tags)
    if any(re.fullmatch(r"lr/pg\d+", tag) for tag in tags):
        return Layout(STEP, groups, "epoch", first=1)
    from_one = any(tag == "train/learning_rate" or tag.startswith("lr/") for tag in tags)
    return Layout(STEP, groups, first=int(from_one))


def _written(path: Path) -> tuple[list[int], str]:
    """Return when a file was begun, by the numbers in its name: a time, a process, and which file of that."""
    return [int(number) for number in re.findall(r"\d{1,20}", path.name.partition(LOG_MARK)[2])], path.name


def _rows(scalars: Sequence[Scalar], layout: Layout) -> Iterator[tuple[int, list[float]]]:
    """Yield the step and the values of each record: a tag that comes again begins another."""
    places = {tag: number for number, tag in enumerate(layout.columns[1:])}
    row, current = [math.nan] * len(places), -1
    for step, tag, value in scalars:
        place = places.get(tag)
        if place is None:
            continue
        if step != current or not math.isnan(row[place]):
            if current >= 0:
                yield current, row
            row, current = [math.nan] * len(places), step
        row[place] = value
    if current >= 0:
        yield current, row


def _scalars(path: Path, columns: str | None, notes: list[str]) -> Iterator[Scalar]:
    """Yield the numbers whose tags may be of a learning rate, or that are asked for."""
    marks = (b"lr", b"LR", b"Lr", b"earning")
    found = 0
    try:
        with path.open("rb") as file:
            for data, is_sound in _records(file, path, notes):
                if columns is None and not any(mark in data for mark in marks):
                    continue
                for scalar in _event(data):
                    found += 1
                    if not is_sound():
                        notes.append(f"{path.name}: a record of step {scalar[0]:,} is damaged: left out")
                        break
                    if found > MAX_VALUES:
                        raise refuse(path, f"more than {MAX_VALUES:,} numbers in it")
                    yield scalar
    except (OSError, ValueError) as error:
        raise refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _records(file: BinaryIO, path: Path, notes: list[str]) -> Iterator[tuple[bytes, Callable[[], bool]]]:
    """Yield the data of every record that is not too large, and what verifies its checksum."""
    for number in range(MAX_EVENTS):
        head = file.read(12)
        if not head:
            return
        if len(head) == 12 and not is_events(head):
            if number == 0:
                raise refuse(path, "not an event file of TensorBoard")
            notes.append(f"{path.name} is damaged after {number:,} records: the rest is not read")
            return
        length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
        if length > MAX_RECORD:
            file.seek(length + 4, 1)
            continue
        data = file.read(length + 4) if len(head) == 12 else b""
        if len(data) < length + 4:
            if number == 0:
                raise refuse(path, "not an event file of TensorBoard, or cut off in its first record")
            notes.append(f"{path.name}: its last record is cut off")
            return
        yield data[:-4], lambda data=data: masked_crc(data[:-4]) == struct.unpack("<I", data[-4:])[0]  # type: ignore[misc]
    raise refuse(path, f"more than {MAX_EVENTS:,} records in it")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a message; ends where it is none."""
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        else:
            size = {1: 8, 5: 4}.get(kind, -1)
        if size < 0 or place + size > end:
            return
        yield key >> 3, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            break
    return value, place


def _event(data: bytes) -> Iterator[Scalar]:
    """Yield the numbers of an Event: field 2 is its step, 5 its summary."""
    step, values = 0, []
    for number, value in _fields(data):
        if number == 2 and isinstance(value, int):
            step = value
        elif number == 5 and isinstance(value, bytes):
            values += [inner for key, inner in _fields(value) if key == 1 and isinstance(inner, bytes)]
    for value in values if step <= MAX_STEP else ():
        tag, scalar = _value(value)
        if scalar is not None:
            yield step, tag, scalar


def _value(data: bytes) -> tuple[str, float | None]:
    """Return the tag and the number of a Summary.Value: field 2 is a float, 8 the tensor of newer writers."""
    tag, scalar = "", None
    for number, value in _fields(data):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            tag = value.decode("utf-8", "replace")
        elif number == 2 and len(value) == 4:
            (scalar,) = struct.unpack("<f", value)
        elif number == 8:
            scalar = _tensor(value)
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """Return the number in a TensorProto of a single float or double, None for any other."""
    kind, numbers = 0, b""
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            numbers = value  # tensor_content, float_val or double_val
    if kind == FLOAT_TYPE and len(numbers) == 4:
        return float(struct.unpack("<f", numbers)[0])
    if kind == DOUBLE_TYPE and len(numbers) == 8:
        return float(struct.unpack("<d", numbers)[0])
    return None

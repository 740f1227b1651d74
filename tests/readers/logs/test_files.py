"""Which file is a log, what a run's folder holds, and files of JSON and events that are damaged or hostile."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from lrviz.errors import SpecError
from lrviz.readers.logs import formats, huggingface, tensorboard
from lrviz.readers.logs.tensorboard import masked_crc

LOGS = Path(__file__).parents[2] / "recordings" / "logs"
EVENTS = next((LOGS / "writer").glob("events*"))
CSV = "step,lr-SGD\n0,0.1\n1,0.2\n"


def state(path: Path, history: object, **others: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"log_history": history, **others}))
    return path


def entries(count: int) -> list[dict[str, object]]:
    return [{"step": step + 1, "learning_rate": 0.1, "epoch": (step + 1) / 5} for step in range(count)]


def event(step: int, tag: bytes, value: float) -> bytes:
    """Return the record of an event, as TensorBoard writes it."""
    scalar = b"\x0a" + bytes([len(tag)]) + tag + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(scalar)]) + scalar
    data = b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked_crc(head)) + data + struct.pack("<I", masked_crc(data))


def test_a_checkpoints_folder_and_a_runs_are_read(tmp_path):
    for count in (5, 100, 20):
        state(tmp_path / f"checkpoint-{count}" / huggingface.NAME, entries(count))
    assert formats.read(tmp_path / "checkpoint-5").steps == 5
    run = formats.read(tmp_path)
    assert (run.steps, run.log.notes) == (100, ("read checkpoint-100/trainer_state.json",))
    state(tmp_path / huggingface.NAME, entries(120))
    assert formats.read(tmp_path).steps == 120


def test_a_folder_with_several_logs_asks_for_one(tmp_path):
    for name in ("version_0", "version_1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.csv").write_text(CSV)
    with pytest.raises(SpecError, match=r"holds 2 logs, version_0/metrics[.]csv, version_1/metrics[.]csv; name one"):
        formats.read(tmp_path)
    assert formats.read(tmp_path / "version_1").steps == 2


def test_a_csv_of_a_folder_that_is_no_log_is_passed_over(tmp_path):
    (tmp_path / "data.csv").write_text("step,lr\n0,0.1\n")  # whose columns anybody's may be
    (tmp_path / "metrics.csv").write_text(CSV)
    assert formats.read(tmp_path).log.format == "Lightning metrics.csv"


def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(SpecError, match="the folder holds no log of a run"):
        formats.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("trainer_state.json", b"{}", True),
        ("state.json", b'{"log_history": []}', True),
        ("config.json", b'{"learning_rate": 1}', False),
        ("any.csv", b"", True),
        ("events.out.tfevents.1.host", b"", True),
        ("renamed", event(0, b"lr", 0.1), True),
        ("plan.yaml", b"scheduler: cosine", False),
    ],
)
def test_a_log_is_told_from_a_document(name, content, expected, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert formats.is_log(tmp_path / name) is expected


def test_what_is_not_there_is_no_log(tmp_path):
    assert not formats.is_log(tmp_path / "nothing.json")
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        formats.read(tmp_path / "nothing.json")
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        formats.read(tmp_path / "nothing.csv")
    with pytest.raises(SpecError, match="cannot be read: embedded null"):
        formats.read(Path("a\0.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"log_history": ', "not valid JSON"),
        ('{"log_history": 1}', "no list log_history"),
        ("[]", "no list log_history"),
        ('{"log_history": []}', "no learning rate in it"),
        ('{"log_history": [{"step": "x", "learning_rate": 1}]}', r"log_history\[0\].step: not a number: 'x'"),
        ('{"log_history": [1, {"step": 1, "learning_rate": []}]}', r"log_history\[1\].learning_rate: not a number"),
        ('{"log_history": [{"learning_rate": 1}]}', r"log_history\[0\].step: not a number: nothing"),
        ('{"log_history": [{"step": 0, "learning_rate": 1}]}', "step is 0, outside 1 to"),
        ('{"log_history": [{"step": true, "learning_rate": 1}]}', "not a number: True"),
        ('{"log_history": [{"step": 1%s, "learning_rate": 1}]}' % ("0" * 400), "step is inf"),
        ('{"log_history": [{"step": 1%s, "learning_rate": 1}]}' % ("0" * 9000), "not valid JSON: Exceeds the limit"),
    ],
)  # fmt: skip
def test_a_state_that_is_none_is_refused(text, message, tmp_path):
    path = tmp_path / huggingface.NAME
    path.write_text(text)
    with pytest.raises(SpecError, match=message):
        formats.read(path)


def test_odd_lengths_in_a_state_are_not_believed(tmp_path):
    path = state(tmp_path / huggingface.NAME, entries(3), max_steps="many", num_train_epochs=None)
    assert (formats.read(path).log.total, formats.read(path).steps_per_epoch) == (None, None)


def test_a_state_that_ends_early_says_so(tmp_path):
    path = state(tmp_path / huggingface.NAME, entries(10), max_steps=100, num_train_epochs=20)
    trace = formats.read(path)
    assert (trace.log.total, trace.steps_per_epoch) == (100, 5)
    assert trace.log.notes == ("ends at step 9, and was to have 100 steps",)


def test_columns_of_a_state_are_not_asked_for(tmp_path):
    with pytest.raises(SpecError, match=r"the columns of a trainer_state[.]json are known"):
        formats.read(state(tmp_path / huggingface.NAME, entries(1)), "step,lr")


def test_a_cut_off_last_record_is_told_and_what_was_written_read(tmp_path):
    path = tmp_path / EVENTS.name
    path.write_bytes(EVENTS.read_bytes()[:-20])
    trace = formats.read(path)
    assert trace.log.notes == (f"{path.name}: its last record is cut off",)
    assert trace.steps == 20


def test_a_damaged_record_is_left_out_and_told(tmp_path):
    sound = b"".join(event(step, b"lr", 0.5) for step in range(3))
    place = len(event(0, b"lr", 0.5)) * 2 - 6  # the number of the second record
    path = tmp_path / "tfevents"
    path.write_bytes(sound[:place] + b"\xff" + sound[place + 1 :])
    trace = formats.read(path)
    assert [trace.step_at(record) for record in range(trace.steps)] == [0, 2]
    assert trace.log.notes == ("tfevents: a record of step 1 is damaged: left out",)


def test_what_follows_a_damaged_length_is_not_read(tmp_path):
    sound = b"".join(event(step, b"lr", 0.5) for step in range(3))
    place = len(event(0, b"lr", 0.5)) * 2
    path = tmp_path / "tfevents"
    path.write_bytes(sound[:place] + b"\x00\x01" + sound[place + 2 :])
    assert formats.read(path).log.notes == ("tfevents is damaged after 2 records: the rest is not read",)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"PK\x03\x04 and what not of a zip file", EVENTS.read_bytes()[:30]]
)
def test_what_is_no_event_file_is_refused(content, tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=r"not an event file|no scalar in it"):
        formats.read(path)


def test_a_record_of_many_bytes_is_passed_over(tmp_path, monkeypatch):
    path = tmp_path / "tfevents"
    path.write_bytes(event(0, b"lr" + b"x" * 90, 0.1) + event(1, b"lr", 0.2))
    monkeypatch.setattr(tensorboard, "MAX_RECORD", 60)
    assert list(formats.read(path).groups[0].lr) == pytest.approx([0.2])


def test_a_tag_is_asked_for(tmp_path):
    path = tmp_path / "tfevents"
    path.write_bytes(event(0, b"schedule", 0.5) + event(1, b"schedule", 0.25))
    with pytest.raises(SpecError, match="no scalar in it is of a learning rate; --log-columns step,TAG"):
        formats.read(path)
    assert list(formats.read(path, "step,schedule").groups[0].lr) == [0.5, 0.25]


def test_ultralytics_events_count_epochs_from_1(tmp_path):
    path = tmp_path / "tfevents"
    path.write_bytes(
        event(1, b"lr/pg0", 0.5) + event(1, b"lr/pg1", 0.5) + event(2, b"lr/pg0", 0.25) + event(2, b"lr/pg1", 0.5)
    )
    trace = formats.read(path)
    assert (list(trace.at), trace.log.unit, [group.name for group in trace.groups]) == ([0, 1], "epoch", ["pg0", "pg1"])


def test_the_checksum_is_that_of_tensorboard():
    head = EVENTS.read_bytes()[:12]
    assert masked_crc(head[:8]) == struct.unpack("<I", head[8:])[0]

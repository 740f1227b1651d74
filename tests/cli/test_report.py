from __future__ import annotations

import io

from lrviz.cli.report import _fitted, print_message


def test_what_would_control_the_terminal_becomes_a_question_mark(capsys):
    print_message("note", "a\x1b[2Jb\x07c\rd\x9be")
    assert capsys.readouterr().err == "note: a?[2Jb?c?d?e\n"


def test_lines_and_letters_of_any_alphabet_stay(capsys):
    print_message("note", "the λ of\nthe lambda")
    assert capsys.readouterr().err == "note: the λ of\nthe lambda\n"


def test_a_line_that_a_terminal_breaks_stays_indented(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    text = "run: 20 epochs\n     391 batches an epoch: the last, partial one is kept"
    assert _fitted(text, terminal) == "run: 20 epochs\n     391 batches an epoch: the last,\n     partial one is kept"


def test_a_files_name_cannot_control_the_terminal(lrviz):
    ended = lrviz("check", "a\x1b[2J.yaml")
    assert ended.err == "error: a?[2J.yaml: cannot be read: No such file or directory\n"

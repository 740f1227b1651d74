from __future__ import annotations

from lrviz.cli.report import print_message


def test_what_would_control_the_terminal_becomes_a_question_mark(capsys):
    print_message("note", "a\x1b[2Jb\x07c\rd\x9be")
    assert capsys.readouterr().err == "note: a?[2Jb?c?d?e\n"


def test_lines_and_letters_of_any_alphabet_stay(capsys):
    print_message("note", "the λ of\nthe lambda")
    assert capsys.readouterr().err == "note: the λ of\nthe lambda\n"


def test_a_files_name_cannot_control_the_terminal(lrviz):
    ended = lrviz("check", "a\x1b[2J.yaml")
    assert ended.err == "error: a?[2J.yaml: cannot be read: No such file or directory\n"

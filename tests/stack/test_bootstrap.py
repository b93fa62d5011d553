"""What a fresh machine says before anything is installed."""

import subprocess
import sys
from pathlib import Path

from ops import bootstrap
from tests.stack.conftest import ROOT, is_one_sentence

SCRIPT = ROOT / "ops" / "bootstrap.py"


def run_as(version: str) -> "subprocess.CompletedProcess[str]":
    """Runs the script in an interpreter that claims to be another version."""
    pretence = f"import runpy, sys; sys.version_info = {version}; runpy.run_path(sys.argv[1], "
    return subprocess.run(
        [sys.executable, "-I", "-c", pretence + "run_name='__main__')", str(SCRIPT)],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_python_3_10_is_refused_with_one_sentence() -> None:
    answer = run_as("(3, 10, 13, 'final', 0)")

    assert answer.returncode == 1
    assert "3.10.13" in answer.stderr
    assert "PYTHON=" in answer.stderr
    assert is_one_sentence(answer.stderr.strip())


def test_this_python_is_accepted_without_a_word() -> None:
    answer = run_as("sys.version_info")

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_a_missing_venv_module_is_named_with_its_package() -> None:
    sentence = bootstrap.complaint((3, 12, 1), ["ensurepip"])

    assert "apt install python3.12-venv" in sentence
    assert is_one_sentence(sentence)


def test_the_script_uses_no_words_that_an_old_python_cannot_read() -> None:
    text = SCRIPT.read_text(encoding="utf-8")

    text.encode("ascii")  # Python 2 refuses anything else without a declaration
    assert Path(bootstrap.__file__) == SCRIPT
    assert not any(word in text for word in ('f"', ":=", "->  ", "match "))

"""Every difference that can be named is explained."""

from pathlib import Path

from ops.repair.differences import Kind

DOCUMENT = Path(__file__).parents[2] / "docs" / "reconcile.md"


def test_each_kind_of_difference_has_its_line_in_the_document() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if "|" in line]
    explained = {name for row in rows for name in row.split("|")[1].replace(",", " ").split()}

    assert explained >= {kind.value for kind in Kind}

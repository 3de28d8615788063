"""A loop that is renamed a second time still goes by the first name in its effect keys."""

from __future__ import annotations

from pathlib import Path

from tests.integration.workspace import Space

NAMED = "- loop: close-out"


def test_a_second_rename_that_names_the_name_in_between_is_refused_before_it_is_in_force(tmp_path: Path) -> None:
    space = Space(tmp_path / "w")
    file = space.folder / "mappings" / "rd-close.yaml"
    first = file.read_text("utf-8")
    assert NAMED in first
    space.json("settle")
    file.write_text(first.replace(NAMED, "- loop: closing\n  renamed_from: close-out"), "utf-8")
    space.json("settle")
    file.write_text(first.replace(NAMED, "- loop: finish\n  renamed_from: closing"), "utf-8")
    refused = space.hub("settle", expect=1)
    assert "closing was close-out before" in refused.stderr
    assert "renamed_from: close-out" in refused.stderr
    file.write_text(first.replace(NAMED, "- loop: finish\n  renamed_from: close-out"), "utf-8")
    space.json("settle")

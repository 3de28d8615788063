"""The suite beside this file holds for these versions; any other must be looked at before it is shipped."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

LOOKED_AT = {"aiokafka": "0.14.0", "mode-streaming": "0.7.1", "faust-streaming": "0.15.3"}
PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", LOOKED_AT)
def test_what_is_installed_is_what_the_suite_was_written_for(name: str) -> None:
    assert version(name) == LOOKED_AT[name], (
        f"{name} {version(name)} is installed: run tests/contract/kafka on it, read its changes for what the pump "
        "relies on, then change LOOKED_AT"
    )


def test_the_project_pins_exactly_these() -> None:
    wanted = {re.sub(r"\[.*\]", "", one) for one in PROJECT["project"]["dependencies"]}
    assert {f"{name}=={exact}" for name, exact in LOOKED_AT.items()} <= wanted

"""The workspace the golden files are checked in: the repository's own schemas and people, shipped connectors."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from connectors.erp.connector import SPEC as ERP
from connectors.file.connector import SPEC as FILE
from connectors.jira.spec import SPEC as JIRA
from connectors.mail.connector import SPEC as MAIL
from connectors.trello.spec import SPEC as TRELLO
from hub.mapping.build import build
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations
from hub.mapping.people_file import load_people
from hub.model.clock import SECOND
from hub.model.diagnostic import Diagnostic
from hub.model.schema import load_schemas

ROOT = Path(__file__).parents[3]
POLLS = {"drop": 600 * SECOND}
"""The workspace's hub.yaml polls files every ten minutes."""
UNCOVERED = {"half-tested": frozenset({"project.url", "project.status: Done"})}
"""The cases of that integration use neither."""


@cache
def context() -> CheckContext:
    specs = {"jira": JIRA, "trello": TRELLO, "erp": ERP, "drop": FILE, "mail": MAIL}
    people = load_people(ROOT / "people.yaml")
    return CheckContext(load_schemas(ROOT / "schemas", ROOT / "tests/cases/schemas"), specs, people, POLLS, UNCOVERED)


class Checker:
    """Checks texts as the files of one workspace."""

    def __call__(self, *texts: str | bytes, name: str = "t.yaml") -> list[Diagnostic]:
        newest = context().schemas.newest
        return check_integrations([build(text, name, newest) for text in texts], context())

    def rules(self, text: str | bytes) -> list[str]:
        return [finding.rule for finding in self(text)]


@pytest.fixture
def check() -> Checker:
    return Checker()


@pytest.fixture
def workspace() -> CheckContext:
    return context()

"""Every ``example:`` of docs/mapping-table.md is built, checked without a finding, run, and gives what the page says.

An example names rows (of one table on ``pm.issue``, entity ``example``), the files beside it, a record, the entities
that lookups find (``given``), and what comes out: ``gives`` the fields, or ``refuses`` the reason.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.jira.spec import SPEC as JIRA
from hub.mapping.build import Built, build
from hub.mapping.build_table import literal_of
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations
from hub.mapping.compile import CompileContext, compile_integration
from hub.mapping.compiled import CompiledTable
from hub.mapping.files import Library
from hub.mapping.lookups import fill, is_meant
from hub.mapping.read import read
from hub.model.entity import Entity
from hub.model.people import People, Person
from hub.model.record import Lookup, Mapped, Record, Refused
from hub.model.schema import Schema, Schemas

PAGE = (Path(__file__).parents[3] / "docs/mapping-table.md").read_text()
EXAMPLES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if text.startswith("example:")]
TEXT, MONEY = {"type": ["string", "null"]}, {"x-type": "money"}
PROPERTIES: dict[str, Any] = {
    "text": TEXT,
    "status": {"type": ["string", "null"], "enum": ["planned", "active", "closed", None]},
    "words": {"type": ["array", "null"], "items": {"type": "string"}},
    "number": {"x-type": "decimal"},
    "count": {"type": ["integer", "null"]},
    "open": {"type": ["boolean", "null"]},
    "amount": MONEY,
    "moment": {"x-type": "instant"},
    "day": {"x-type": "date"},
    "person": {"x-type": "person"},
    "other": {"x-type": "ref", "x-entity": "example"},
    "lines": {
        "type": ["array", "null"],
        "items": {"type": "object", "properties": {"product": TEXT, "price": MONEY}},
    },
}
SCHEMAS = Schemas({("example", 1): Schema("example", 1, {"type": "object", "properties": PROPERTIES})})
PEOPLE = People([Person("E1001", "Wang Wei", accounts={"jira": ("5b10a2844c20165700ede21g",)})])


def plain(text: str) -> dict[str, Any]:
    root, findings = read(text, "mapping-table.md")
    assert findings.found == []
    assert root is not None
    found: dict[str, Any] = literal_of(findings, root)
    return found


def dumped(value: Any) -> str:
    return orjson.dumps(value, default=lambda one: float(one) if isinstance(one, Decimal) else str(one)).decode()


def mapping_of(example: dict[str, Any]) -> str:
    table = {"entity": "example", "source": "pm.issue", "key": "id", "owner": "pmo", **example.get("table", {})}
    head = {"integration": "example", "owner": "ops", "zone": "Asia/Shanghai", "systems": {"pm": "jira"}}
    rows = "\n".join(f"  - {dumped(row)}" for row in example["rows"])
    lines = [f"{key}: {dumped(value)}" for key, value in head.items()]
    table_lines = [f"{'- ' if not at else '  '}{key}: {dumped(v)}" for at, (key, v) in enumerate(table.items())]
    return "\n".join([*lines, "tables:", *table_lines, "  fields:", rows]) + "\n"


def built_of(example: dict[str, Any]) -> Built:
    files = {name: (f"{name}.yaml", dumped(text).encode()) for name, text in example.get("files", {}).items()}
    return build(mapping_of(example), "example.yaml", SCHEMAS.newest, Library(files.get, lambda: tuple(files)))


def compiled(example: dict[str, Any]) -> CompiledTable:
    built = built_of(example)
    assert check_integrations([built], CheckContext(SCHEMAS, {"jira": JIRA}, PEOPLE)) == []
    assert built.definition is not None
    return compile_integration(built.definition, CompileContext(SCHEMAS, PEOPLE)).tables[0]


def record_of(example: dict[str, Any]) -> Record:
    return Record("issue", "1", 0, {"id": "1", "key": "OPS-1", **example.get("record", {})})


def text_of_numbers(value: Any) -> Any:
    """Expected values as canonical JSON: the page may write 0.125 for "0.125"."""
    return str(value) if isinstance(value, Decimal) else value


def found_in(example: dict[str, Any], one: Lookup) -> list[Entity]:
    known = [Entity(e["entity"], e["key"], e.get("label"), 1, e["fields"]) for e in example.get("given", ())]
    return [entity for entity in known if is_meant(one, entity)]


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n", 1)[0].removeprefix("example: "))
def test_an_example_of_the_page_does_what_the_page_says(text: str) -> None:
    example = plain(text)
    seen = compiled(example).apply(record_of(example))
    if isinstance(seen, Mapped) and seen.lookups:
        seen, _ = fill(seen, partial(found_in, example), SCHEMAS.get("example"))
    if "refuses" in example:
        assert isinstance(seen, Refused)
        assert seen.rejected.reason == example["refuses"]
    else:
        assert isinstance(seen, Mapped), seen
        assert seen.fields == {name: text_of_numbers(value) for name, value in example["gives"].items()}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 12

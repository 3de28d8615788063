"""``hub check`` of a 3,000-line table, in process, beside what the YAML parser alone needs for the same text."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from connectors.jira.spec import SPEC
from hub.mapping.build import build
from hub.mapping.check.checked import CheckContext
from hub.mapping.check.run import check_integrations
from hub.model.schema import Schema, Schemas, load_schemas
from tests.bench.row import Row

LINES = 3_000
BUDGET_SECONDS = 0.4
ROUNDS = 3
_HEAD = "integration: big\nowner: ops\nsystems: {pm: jira}\ntables:\n"
_TABLE = "- entity: big{n}\n  source: pm.issue\n  only: 'fields.issuetype.name == \"{n}\"'\n  key: id\n  fields:\n"
_KINDS = (
    "{{field: f{i}, from: fields.customfield_{i}, as: trim}}",
    "{{field: f{i}, from: fields.status.name, values: {{new: planned, done: closed}}, otherwise: keep}}",
    "{{field: f{i}, from: [fields.parent.id, fields.customfield_{i}], as: text, means: {{zh: 字段, en: field}}}}",
    "{{field: f{i}, value: 'key + \" \" + fields.summary', owner: finance, privacy: finance}}",
)
_ROWS = 145


def table_text(lines: int = LINES) -> str:
    """A mapping file of that many lines: twenty tables whose rows are of four kinds."""
    text, n = [_HEAD.rstrip("\n")], 0
    while sum(part.count("\n") + 1 for part in text) < lines:
        rows = (f"  - {_KINDS[i % len(_KINDS)].format(i=i)}" for i in range(_ROWS))
        text.append(_TABLE.format(n=n) + "\n".join(rows))
        n += 1
    return "\n".join(text) + "\n"


def _schemas(root: Path) -> Schemas:
    fields = {f"f{i}": {"type": ["string", "null"]} for i in range(_ROWS)}
    big = {(f"big{n}", 1): Schema(f"big{n}", 1, {"properties": fields}) for n in range(30)}
    shipped = load_schemas(root / "schemas")
    found = {(kind, 1): schema for kind in shipped.kinds if (schema := shipped.get(kind, 1))}
    return Schemas({**found, **big})


def rows() -> list[Row]:
    """Best of a few rounds, as after start-up: collector frozen, nothing cached by file."""
    schemas = _schemas(Path(__file__).parents[2])
    context = CheckContext(schemas, {"jira": SPEC})
    text = table_text()
    gc.collect()
    gc.freeze()
    took = min(_timed(lambda: _check(text, context)) for _ in range(ROUNDS))
    raw = min(_timed(lambda: _parse(text)) for _ in range(ROUNDS))
    gc.unfreeze()
    found = len(_check(text, context))
    limit = raw, "the YAML parser alone"
    return [Row("check", "hub check of a 3,000-line table", took, "s", *limit, BUDGET_SECONDS, f"{found} findings")]


def _check(text: str, context: CheckContext) -> list[object]:
    built = build(text, "big.yaml", context.schemas.newest)
    return list(check_integrations([built], context))


def _parse(text: str) -> None:
    for _ in yaml.parse(text, Loader=yaml.CSafeLoader):
        pass


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start

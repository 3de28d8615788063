"""Nodes -> tables and rows. Grammar only: whether a field or a name exists is asked by ``check/``."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

from hub.mapping.build_governance import GOVERNANCE_KEYS, Inherited
from hub.mapping.files import Files
from hub.mapping.form import Form, near, path_of, wrong_shape
from hub.mapping.rates import RATES_KEYS, rates_of
from hub.mapping.read import Findings, Mapping, Node, Scalar, Sequence
from hub.mapping.table import Convert, LookupDef, Otherwise, Path, RatesDef, Row, SyncDef, TableDef
from hub.model.diagnostic import Place
from hub.model.record import Json
from hub.model.values import decimal_text

ROW_KEYS = (
    *("field", "from", "value", "const", "default", "values", "otherwise", "as", "currency"),
    *("required", "each", "fields", "use", "prefer", "lookup", "rates", "dated", "sync", *GOVERNANCE_KEYS),
)
LOOKUP_KEYS = ("entity", "by", "from", "take")
SYNC_KEYS = ("to", "path", "conflict")
CONFLICTS = ("ask", "source", "target", "newest")
SHARED_KEYS = ("shared", "title", "values", "otherwise", "fields", *GOVERNANCE_KEYS)
TABLE_KEYS = ("entity", "source", "only", "key", "label", "fields", *GOVERNANCE_KEYS[:-1])
_RARE = frozenset(("prefer", "rates", "dated", "sync"))
_NO_PLACES: dict[str, Place] = {}
_SOURCES = ("from", "value", "const", "fields", "lookup")
_NOT_LOOKED_UP = ("default", "values", "as", "currency", "each", "use")
_GROUP = frozenset(("use", *GOVERNANCE_KEYS))


def literal_of(findings: Findings, node: Node) -> Json:
    """Any YAML value as JSON."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [literal_of(findings, item) for item in node.items]
        case Mapping():
            return {name: literal_of(findings, value) for name, (_, value) in node.pairs.items()}
        case _:
            return None


def connection_of(form: Form, key: str, alias: str, systems: dict[str, str]) -> str:
    """The connection an alias means; reported where ``systems`` does not name it."""
    if alias in systems or not alias:
        return systems.get(alias, alias)
    why = f"systems names: {', '.join(sorted(systems)) or 'nothing'}"
    fix = near(alias, tuple(systems)) or f"add it: systems: {{{alias}: CONNECTION}}"
    form.findings.report("unknown-system", form.place(key), f'unknown system "{alias}"', why, fix)
    return alias


def table_of(
    form: Form, integration: str, systems: dict[str, str], versions: dict[str, int], above: Inherited
) -> TableDef:
    """One table. What is missing is reported; the table stands with what there is."""
    kind, _, version = form.text("entity", example="project").partition("/v")
    source = form.text("source", example="pm.issue")
    alias, _, stream = source.partition(".")
    connection = connection_of(form, "source", alias, systems)
    mode, key, match = _key(form)
    inside = above.below(form)
    table = TableDef(
        name=f"{integration}/{kind}/{source}",
        entity=kind,
        version=int(version) if version.isdigit() else versions.get(kind, 0),
        connection=connection,
        stream=f"{connection}.{stream}",
        alias=alias,
        place=form.place("entity"),
        governance=inside.governance,
        only=form.expression("only"),
        key=key,
        key_mode=mode,
        label=form.path("label"),
        rows=rows_of(form, "fields", inside),
        zone=inside.zone,
        places={name: form.place(name) for name in form.node.pairs},
        match=match,
    )
    if "fields" not in form:
        form.need("fields", "[{field: name, from: …}]")
    return table


def _key(form: Form) -> tuple[Literal["own", "shared", "link"], Path, tuple[tuple[str, Path], ...]]:
    node = form.need("key", "id")
    nothing = Path((), "", form.findings.place(form.node))
    if not isinstance(node, Mapping):
        return "own", path_of(form.findings, node) or nothing, ()
    inner = Form(form.findings, node, "key", ("shared", "link", "match"))
    if "link" in inner:
        if "shared" in inner:
            why = "a record is found by a number all systems share, or by its link, not by both"
            form.findings.report("row-source", inner.key_place("shared"), "key has shared and link", why, "keep one")
        pairs = ((name.text, path_of(form.findings, value)) for name, value in inner.pairs("match"))
        return "link", inner.path("link") or nothing, tuple((name, path) for name, path in pairs if path is not None)
    if "match" in inner:
        why = "match finds the entity a record without a link belongs to"
        form.findings.report("row-source", inner.key_place("match"), "match stands without link", why, "add link: id")
    inner.need("shared", "fields.contract_number")
    return "shared", inner.path("shared") or nothing, ()


def rows_of(form: Form, key: str, above: Inherited) -> tuple[Row, ...]:
    """All rows of a list; ``use`` alone stands for the rows of a shared file. A row without a name is left out."""
    rows: list[Row] = []
    for row in form.forms(key, "a row", ROW_KEYS):
        if "use" in row and _GROUP.issuperset(row.node.pairs):
            rows += _group(row, above)
        elif (one := _row(row, above)) is not None:
            rows.append(one)
    return tuple(rows)


def shared_of(form: Form, above: Inherited, holding: str) -> Form | None:
    """The shared file that ``use`` names, when it has what is used of it."""
    node = form.take("use")
    if not isinstance(node, Scalar):
        if node is not None:
            wrong_shape(form.findings, node, "the name of a file", "shared/jira-status")
        return None
    found = above.files.take(node, form.findings, "shared")
    if found is None:
        return None
    shared = Form.of(found[1], found[0], node.text, SHARED_KEYS)
    if shared is not None and holding not in shared:
        why = "a row uses the values of a shared file, a list of fields uses its fields"
        fix = f"add {holding}: to it, or use another file"
        form.findings.report("unknown-file", node, f'"{node.text}" has no "{holding}"', why, fix)
        return None
    return shared


def _group(form: Form, above: Inherited) -> tuple[Row, ...]:
    """The rows of a shared file: its own governance columns, else those of the row that uses it."""
    shared = shared_of(form, above, "fields")
    if shared is None:
        return ()
    inside = above.below(form).below(shared)
    return rows_of(shared, "fields", replace(inside, files=Files(closed=True)))


def _row(form: Form, above: Inherited) -> Row | None:
    field = form.text("field", example="name")
    if not field:
        return None
    form.what = f"row {field}"
    inside = above.below(form)
    given = [name for name in _SOURCES if name in form and (name == "const" or not form.is_hollow(name))]
    if len(given) > 1 or not (given or form.misspelt):
        _report_sources(form, given)
    pairs = form.node.pairs
    values, places = _values(form) if "values" in pairs else (None, {})
    shared = shared_of(form, above, "values") if "use" in pairs else None
    if shared is not None:
        values, places = _together(form, shared, values or {}, places)
    default = form.take("default")
    const = form.take("const")
    return Row(
        field=field,
        place=form.place("field"),
        governance=inside.governance,
        sources=_paths(form) if "from" in pairs else (),
        value=form.expression("value") if "value" in pairs else None,
        const=None if const is None else literal_of(form.findings, const),
        has_const="const" in pairs,
        default=None if default is None else literal_of(form.findings, default),
        has_default="default" in pairs,
        values=values,
        values_places=places,
        otherwise=_otherwise(form if shared is None or "otherwise" in pairs else shared),
        convert=_convert(form) if "as" in pairs else None,
        currency=form.path("currency") if "currency" in pairs else None,
        zone=inside.zone,
        required=form.flag("required") if "required" in pairs else False,
        each=each_of(form) if "each" in pairs else None,
        rows=rows_of(form, "fields", inside) if "fields" in pairs else (),
        lookup=_lookup(form) if "lookup" in pairs else None,
        rates=_rates(form, above) if "rates" in pairs else None,
        dated=form.path("dated") if "dated" in pairs else None,
        sync=_sync(form, above.systems) if "sync" in pairs else None,
        prefer=_prefer(form, above.systems) if "prefer" in pairs else (),
        places={key: form.place(key) for key in pairs if key in _RARE} if not _RARE.isdisjoint(pairs) else _NO_PLACES,
    )


def _lookup(form: Form) -> LookupDef | None:
    """``lookup``: which entity, found by what, and what is taken of it."""
    inner = Form.of(form.findings, form.take("lookup"), "lookup", LOOKUP_KEYS)
    if inner is None:
        return None
    for key in _NOT_LOOKED_UP:
        if key in form:
            why = "what is looked up is canonical already: it is taken as it is"
            message = f"{key} does not go with lookup"
            form.findings.report("row-source", form.key_place(key), message, why, "remove it")
    inner.need("from", "fields.tax_number")
    return LookupDef(
        entity=inner.text("entity", example="supplier"),
        by=inner.text("by", example="tax_id"),
        sources=_paths(inner),
        take=inner.text("take", "key"),
        place=inner.place("entity"),
        places={key: inner.place(key) for key in inner.node.pairs},
    )


def _rates(form: Form, above: Inherited) -> RatesDef | None:
    """``rates: rates/treasury`` with ``dated: path``: which table, and which day of it."""
    node = form.take("rates")
    form.need("dated", "fields.invoice_date")
    if not isinstance(node, Scalar):
        if node is not None:
            wrong_shape(form.findings, node, "the name of a file", "rates/treasury")
        return None
    found = above.files.take(node, form.findings, "rates")
    file = None if found is None else Form.of(found[1], found[0], node.text, RATES_KEYS)
    return None if file is None else rates_of(file, node.text.strip())


def _sync(form: Form, systems: dict[str, str]) -> SyncDef | None:
    inner = Form.of(form.findings, form.take("sync"), "sync", SYNC_KEYS)
    if inner is None:
        return None
    alias, _, stream = inner.text("to", example="pm.issue").partition(".")
    connection = connection_of(inner, "to", alias, systems)
    inner.need("path", "fields.summary")
    path = inner.path("path")
    conflict: Any = inner.choice("conflict", CONFLICTS)
    places = {key: inner.place(key) for key in inner.node.pairs}
    if path is None:
        return None
    return SyncDef(connection, f"{connection}.{stream}", path, conflict, inner.place("to"), places)


def _prefer(form: Form, systems: dict[str, str]) -> tuple[str, ...]:
    """``prefer: [erp, pm]``: aliases as connections."""
    return tuple(connection_of(form, "prefer", word.text, systems) for word in form.words("prefer"))


def _report_sources(form: Form, given: list[str]) -> None:
    what = f"{form.what} has {' and '.join(given)}" if given else f"{form.what} has no source"
    why = "a row takes its value from exactly one of: from, value, const, fields, lookup"
    fix = "keep one of them" if given else "add from: PATH, value: 'EXPRESSION' or const: VALUE"
    form.findings.report("row-source", form.place("field"), what, why, fix)


def _paths(form: Form) -> tuple[Path, ...]:
    node = form.take("from")
    nodes = node.items if isinstance(node, Sequence) else [node]
    paths = (path_of(form.findings, item) for item in nodes)
    return tuple(path for path in paths if path is not None)


def each_of(form: Form) -> tuple[str, Path] | None:
    """``each: {name: list}``."""
    pairs = list(form.pairs("each"))
    if len(pairs) != 1:
        if pairs or isinstance(form.take("each"), Mapping):
            why = "each names one variable and the list it runs over"
            form.findings.report("wrong-shape", form.place("each"), "each takes one pair", why, "each: {item: items}")
        return None
    name, value = pairs[0]
    path = path_of(form.findings, value)
    return None if path is None else (name.text, path)


def _convert(form: Form) -> Convert | None:
    text = form.text("as")
    name, _, argument = text.partition(" ")
    return Convert(name, argument.strip(), form.place("as")) if name else None


def _values(form: Form) -> tuple[dict[str, Json], dict[str, Place]]:
    values: dict[str, Json] = {}
    places: dict[str, Place] = {}
    for key, node in form.pairs("values"):
        text = _source_text(form, key)
        if text in values:
            why = 'source values are compared as text, so 1 and "1", 1.5 and 1.50 are the same entry'
            form.findings.report("duplicate-key", key, f'entry "{text}" a second time', why, "keep one of the two")
            continue
        if isinstance(node, Scalar) and node.value is None and not node.text:
            _report_hollow(form, key)
        values[text] = literal_of(form.findings, node)
        places[text] = form.findings.place(node)
    return values, places


def _report_hollow(form: Form, key: Scalar) -> None:
    """``{new:open}`` is one word, and its entry would empty the field."""
    glued = re.match(r"(.+?)\s*(?:[=-]>|→|[:：=])\s*(.+)\Z", key.text)
    fix = f"write {glued[1]}: {glued[2]}" if glued else f"write {key.text}: VALUE, or null where it empties the field"
    why = "with nothing behind it, it would empty the field"
    form.findings.report("bad-literal", key, f'entry "{key.text}" gives nothing', why, fix)


def _together(
    form: Form, shared: Form, values: dict[str, Json], places: dict[str, Place]
) -> tuple[dict[str, Json], dict[str, Place]]:
    """The shared map and the row's own entries; an entry of both is an error, not a question of who wins."""
    more, where = _values(shared)
    for text in values.keys() & more.keys():
        place = where[text]
        why = f"the shared map has it at {place.file}:{place.line}: two meanings of one value"
        form.findings.report(
            "duplicate-key", places[text], f'entry "{text}" a second time', why, "keep one of the two"
        )
    return {**more, **values}, {**where, **places}


def _source_text(form: Form, key: Scalar) -> str:
    """A source value as canonical text: ``true``, ``1``, ``1.5``."""
    if isinstance(key.value, bool):
        return "true" if key.value else "false"
    if isinstance(key.value, int | Decimal):
        return decimal_text(key.value)
    if key.value is None:
        why = "null skips the map; an entry for it would never be used"
        form.findings.report(
            "bad-literal", key, "values has an entry for null", why, "use default: for what is empty"
        )
    return key.text


def _otherwise(form: Form) -> Otherwise:
    node = form.take("otherwise")
    if isinstance(node, Mapping):
        inner = Form(form.findings, node, "otherwise", ("const",))
        const = inner.need("const", "unknown")
        return Otherwise("const", None if const is None else literal_of(form.findings, const))
    if node is None:
        return Otherwise()
    if isinstance(node, Scalar) and node.text in ("quarantine", "keep", "null") and node.value is not None:
        return Otherwise(node.text)  # type: ignore[arg-type]  # one of the three words
    if not isinstance(node, Scalar):
        wrong_shape(form.findings, node, "otherwise", "quarantine")
        return Otherwise()
    _report_otherwise(form, node)
    return Otherwise()


def _report_otherwise(form: Form, node: Scalar) -> None:
    why = 'allowed: quarantine, keep, "null" (in quotes) or {const: value}'
    fix = 'write otherwise: "null"' if node.value is None else near(node.text, ("quarantine", "keep", "null"))
    fix = fix or f"write otherwise: {{const: {node.text}}}"
    form.findings.report("bad-literal", node, f"otherwise cannot be {node.text or 'empty'}", why, fix)

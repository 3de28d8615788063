"""One mapping file: text -> the frozen ``IntegrationDef`` plus every problem of its grammar, in one run.

``systems`` aliases are resolved to connections and governance columns are inherited here; whether the names
mean anything (fields, streams, actions, expressions) is asked by ``check/``. Nothing is raised for a bad file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hub.mapping.budget import Budget
from hub.mapping.build_governance import Inherited, every_of, review_of, zone_of
from hub.mapping.build_loop import LOOP_KEYS, loop_of
from hub.mapping.build_table import TABLE_KEYS, table_of
from hub.mapping.build_timing import calendar_of
from hub.mapping.files import Files, Library, folder, schemas_then, unbundled, with_schemas
from hub.mapping.form import Form
from hub.mapping.literals import count, duration, money, share
from hub.mapping.meaning import hashes
from hub.mapping.older import kinds_of
from hub.mapping.read import read
from hub.mapping.table import Governance, IntegrationDef, Slo
from hub.model.diagnostic import Diagnostic, Place

TOP_KEYS = (
    *("integration", "title", "owner", "change", "every", "zone", "privacy", "slo", "systems", "budget"),
    *("calendar", "tables", "loops"),
)


@dataclass(frozen=True, slots=True)
class Built:
    """What one file says. ``definition`` is None only when it is no mapping file at all; with findings it may
    lack what was refused, so it is good for further checks and never for running."""

    file: str
    definition: IntegrationDef | None
    findings: tuple[Diagnostic, ...]
    text: str = ""
    """The file's own text, to show lines of it."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Shared files it uses, as findings call them -> their text."""
    named: tuple[tuple[str, str, Place], ...] = ()
    """Whom it names as ``owner`` or ``review``, and where."""


def build(source: bytes | str, file: str, versions: Mapping[str, int], library: Library | None = None) -> Built:
    """Read and build one file. ``versions``: newest schema version by entity (``Schemas.newest``).

    ``library`` holds the files it may name; a recorded version brings its own.
    """
    whole = source.decode("utf-8-sig", "replace") if isinstance(source, bytes) else source
    text, then = schemas_then(whole)
    versions = {**versions, **then}
    main, kept = unbundled(text, file)
    files = Files(kept or library or Library())
    root, findings = read(source if text == whole and kept is None else main, file)
    form = None if root is None else Form.of(findings, root, "a mapping file", TOP_KEYS)
    definition = None if form is None else _integration(form, dict(versions), main, files)
    named = (*findings.named, *files.named)
    return Built(file, definition, (*findings.found, *files.found), main, files.shown, named)


def build_file(path: Path, versions: Mapping[str, int], *, name: str = "") -> Built:
    """Build a file of the disk with the shared files beside it; ``name`` is how findings call it."""
    shown = name or str(path)
    return build(path.read_bytes(), shown, versions, folder(path.parent, str(Path(shown).parent)))


def _integration(form: Form, versions: dict[str, int], source: str, files: Files) -> IntegrationDef:
    name = form.text("integration", example="rd-close")
    systems = _systems(form)
    zone = zone_of(form, "UTC")
    review = review_of(form) or ()
    governance = Governance(form.owner(), every_of(form, "change"), form.text("privacy"), review)
    above = Inherited(governance, zone, files, systems)
    above = replace(above, calendar=calendar_of(form, above))
    tables = [table_of(each, name, systems, versions, above) for each in form.forms("tables", "a table", TABLE_KEYS)]
    loops = [loop_of(each, systems, above) for each in form.forms("loops", "a loop", LOOP_KEYS)]
    definition = IntegrationDef(
        name=name,
        title=form.texts("title"),
        place=form.place("integration"),
        owner=governance.owner,
        review=review,
        every=governance.every,
        zone=zone,
        slo=_slo(form),
        budget=_budget(form),
        systems=systems,
        tables=tuple(tables),
        loops=tuple(loops),
        logic="",
        table="",
        source=files.bundled(source),
        systems_places={alias.text: form.findings.place(node) for alias, node in form.pairs("systems")},
    )
    newer = tuple(f"{kind}/v{versions[kind]}" for kind in sorted(kinds_of(definition)) if versions.get(kind, 1) > 1)
    if newer:
        definition = replace(definition, schemas=newer, source=with_schemas(definition.source, newer))
    meaning = hashes(definition)
    return replace(definition, logic=meaning.logic, table=meaning.table)


def _systems(form: Form) -> dict[str, str]:
    form.need("systems", "{pm: jira, erp: erp}")
    return {alias.text: form.text_of(node) for alias, node in form.pairs("systems")}


def _budget(form: Form) -> Budget | None:
    found = Form.of(form.findings, form.take("budget"), "budget", ("entities", "amount"))
    return None if found is None else Budget(found.literal("entities", count), found.literal("amount", money))


def _slo(form: Form) -> Slo:
    slo = Form.of(form.findings, form.take("slo"), "slo", ("fresh", "consistent", "loops"))
    if slo is None:
        return Slo()
    loops = Form.of(form.findings, slo.take("loops"), "slo loops", ("done_within", "share"))
    return Slo(
        fresh=slo.literal("fresh", duration),
        consistent=slo.literal("consistent", share),
        done_within=loops.literal("done_within", duration) if loops else None,
        done_share=loops.literal("share", share) if loops else None,
    )

"""``hub prove KEY``: a closing certificate, as JSON for machines and as a page to print; ``hub verify`` checks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.history.prove import Closing, Reader
    from hub.model.instance import Instance

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="A loop id, or the label or key of its subject.")]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where both files go (default: here).")]
ForOption = Annotated[
    str, typer.Option("--for", metavar="PERSON", help="For whom: private fields show as this person's roles allow.")
]
LanguageOption = Annotated[str, typer.Option("--language", help="zh or en first (default: the workspace's).")]


def register(app: typer.Typer) -> None:
    @app.command()
    def prove(
        key: KeyArgument,
        out: OutOption = HERE,
        reader: ForOption = "",
        language: LanguageOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> None:
        """Write a closing's certificate: each obligation with its document, and the proof that the log says so."""
        from hub.bootstrap import open_workspace
        from hub.cli.render import document

        opened = open_workspace(workspace)
        made = proved(opened, key, reader)
        written = write(made, out, language or opened.settings.language)
        head, hidden = made["head"], sum(one["data"] is None for one in made["events"])
        said = {**written, "seal": made["seal"], "head": head, "hidden": hidden, "signed": "signature" in made}
        if form is Format.json:
            document(said)
            return
        print(f"{written['json']}\n{written['html']}")
        print(f"seal {made['seal']}\nhead {head['hash']} (block {head['number']})")
        if hidden:
            print(f"{hidden} of {len(made['events'])} events are not shown to this reader: --for PERSON shows more")


def write(made: dict[str, Any], out: Path, language: str) -> dict[str, str]:
    """Both files; gives their names."""
    from hub.history.certificate import written
    from hub.history.certificate_html import name, page

    out.mkdir(parents=True, exist_ok=True)
    paths = {form: out / name(made, form) for form in ("json", "html")}
    paths["json"].write_bytes(written(made))
    paths["html"].write_bytes(page(made, language))
    return {form: str(path) for form, path in paths.items()}


def proved(opened: Workspace, key: str, person: str) -> dict[str, Any]:
    """The certificate, signed where ``hub.yaml`` names a key. Seals what is still open first."""
    from hub.cli.decisions import which_loop
    from hub.errors import FatalError, UsageError
    from hub.history.prove import certificate
    from hub.history.signing import signed
    from hub.references import resolve
    from hub.store.blocks import seal_all
    from hub.store.proofs import Broken, Prover

    instance = which_loop(opened, key)
    if instance.taken is None:
        words = f"{instance.id} has not begun: there is nothing to prove"
        raise UsageError(words, fix="hub preflight tells what it waits for")
    seal_all(opened.store, opened.clock.now())
    with opened.store.frozen() as db:
        try:
            made = certificate(_closing(opened, instance), Prover(db), _reader(opened, person))
        except Broken as error:
            raise FatalError(
                f"the sealed log was changed: {error}",
                why="rows of a block do not give the root they were sealed with: nothing can be proved from them",
                fix="hub verify --store names the rows; restore a backup",
            ) from error
    reference = opened.settings.sign
    return signed(made, resolve(reference, opened.root, opened.environ)) if reference else made


def _reader(opened: Workspace, words: str) -> Reader:
    from hub.cli.decisions import person
    from hub.history.disclosure import disclosure
    from hub.history.prove import Reader

    code = person(opened, words) if words else ""
    found = opened.people.find(code) if code else None
    roles = found.roles if found else frozenset[str]()
    return Reader(code, disclosure(opened.catalog, roles), opened.clock.now())


def _closing(opened: Workspace, instance: Instance) -> Closing:
    from hub.errors import NotFound
    from hub.history.prove import Closing
    from hub.model.clock import iso
    from hub.store import activations
    from hub.store.queries import entities, loops

    with opened.store.read() as db:
        subject = entities.entity_of(db, instance.subject_kind, instance.subject)
        effects = tuple(loops.effects(db, loop_id=instance.id))
        asks = tuple(loops.approvals(db, loop_id=instance.id))
    loop = opened.catalog.loop(instance.integration, instance.loop, instance.logic)
    if subject is None or loop is None:
        raise NotFound(
            f"the mapping version {instance.logic[:12]} of {instance.integration} is not in this workspace"
        )
    active = activations.of_logic(opened.store, instance.integration, instance.logic)
    activation = {
        "integration": instance.integration,
        "logic": instance.logic,
        "table": active.table if active else None,
        "activated_at": iso(active.at) if active else None,
        "activated_by": active.by if active else None,
    }
    return Closing(instance, subject, effects, asks, loop, activation, opened.catalog)

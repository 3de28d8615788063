"""``hub verify``: a certificate with nothing else at hand, or with ``--store`` the sealed log of a workspace."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import HERE, Format, FormatOption, WorkspaceOption

if TYPE_CHECKING:
    from hub.bootstrap import Workspace
    from hub.history.verify import Verdict

FileArgument = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A certificate: .json or .html.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Look at nothing but the file: no workspace.")]
StoreOption = Annotated[bool, typer.Option("--store", help="Check the workspace's sealed log, row by row.")]
KeyOption = Annotated[str, typer.Option("--key", metavar="HEX", help="The public key it must be signed with.")]
HeadOption = Annotated[str, typer.Option("--head", metavar="HASH", help="The head its chain must end with.")]


def register(app: typer.Typer) -> None:
    @app.command()
    def verify(
        file: FileArgument = None,
        offline: OfflineOption = False,
        store: StoreOption = False,
        key: KeyOption = "",
        head: HeadOption = "",
        workspace: WorkspaceOption = HERE,
        form: FormatOption = Format.text,
    ) -> int:
        """Check a certificate, or the sealed log itself (--store). Exit 1 when something was changed."""
        from hub.errors import UsageError

        if (file is None) is not store:
            raise UsageError("say what: hub verify FILE, or hub verify --store", fix="hub verify --help")
        if file is None:
            return _store(workspace, form)
        said = _file(file, key, head)
        if not offline and said["ok"]:
            said = _at_home(workspace, said)
        return _shown(said, form)


def _file(file: Path, key: str, head: str) -> dict[str, Any]:
    from hub.errors import NotFound

    try:
        data = file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error
    found = checked(data, key, head)
    return {
        "file": str(file),
        "ok": found.ok,
        "problems": [{"place": one.place, "what": one.what} for one in found.problems],
        "counts": dict(found.counts),
        "head": found.head or None,
        "signed_by": found.signed_by or None,
    }


def checked(data: bytes, key: str = "", head: str = "") -> Verdict:
    """A certificate's bytes, or a page's: that one must be exactly the page its certificate makes."""
    import orjson

    from hub.history.certificate import written
    from hub.history.certificate_html import inside, page
    from hub.history.verify import Problem, Verdict, verify

    if not data.lstrip().startswith(b"<"):
        return verify(data, key=key, head=head)

    held = inside(data)
    if held is None:
        return Verdict((Problem("page", "it holds no certificate"),))
    try:
        parsed = orjson.loads(held)
    except orjson.JSONDecodeError as error:
        return Verdict((Problem(f"certificate line {error.lineno}", f"this is no JSON: {error.msg}"),))
    found = verify(written(parsed), key=key, head=head)
    if found.ok and all(page(parsed, language) != data for language in ("zh", "en")):
        return Verdict((Problem(_first_difference(data, parsed), "the page is not the one its certificate makes"),))
    return found


def _first_difference(data: bytes, parsed: dict[str, Any]) -> str:
    from hub.history.certificate_html import page

    pages = (zip(data, page(parsed, language), strict=False) for language in ("zh", "en"))
    same = max(next((n for n, (one, other) in enumerate(pairs) if one != other), len(data)) for pairs in pages)
    return f"line {data[:same].count(10) + 1}"


def _at_home(workspace: Path, said: dict[str, Any]) -> dict[str, Any]:
    """In a workspace, the head is compared with the chain that lies there."""
    from hub.bootstrap import open_workspace
    from hub.store.blocks import hashes

    if not (workspace / "hub.yaml").exists():
        return said
    with open_workspace(workspace).store.reader() as db:
        known = said["head"] in hashes(db, said["head"])
    if known:
        return {**said, "at_home": True}
    problem = {"place": "/head/hash", "what": "this workspace's chain has no such block"}
    return {**said, "ok": False, "problems": [*said["problems"], problem], "at_home": False}


def _shown(said: dict[str, Any], form: Format) -> int:
    from hub.cli.render import document

    if form is Format.json:
        document(said)
    elif said["ok"]:
        counts = said["counts"]
        print(f"{said['file']}: nothing was changed")
        print(f"  {counts['obligations']} obligations, {counts['events']} events, {counts['deliveries']} deliveries")
        print(f"  in {counts['blocks']} blocks up to head {said['head']}")
        print(f"  {_signed(said)}" + ("; this workspace's chain holds that head" if said.get("at_home") else ""))
    else:
        for one in said["problems"]:
            print(f"{said['file']}: {one['place']}: {one['what']}")
    return 0 if said["ok"] else 1


def _signed(said: dict[str, Any]) -> str:
    key = said["signed_by"]
    return f"signed with {key}" if key else "not signed: compare the head with one kept elsewhere"


# --- the store


def _store(workspace: Path, form: Format) -> int:
    from hub.bootstrap import open_workspace
    from hub.cli.render import document
    from hub.store.blocks import newest, pending
    from hub.store.chaincheck import check

    opened = open_workspace(workspace)
    with opened.store.reader() as db:
        found = [{"place": one.place, "what": one.what} for one in check(db)]
        head, waiting = newest(db), pending(db)
    halted = _halt(opened, found)
    if form is Format.json:
        said = None if head is None else {"number": head.number, "hash": head.hash.hex()}
        document({"ok": not found, "problems": found, "head": said, "unsealed": waiting, "halted": halted})
        return 1 if found else 0
    for one in found:
        print(f"{one['place']}: {one['what']}")
    if found:
        print(
            f"ACTION REQUIRED: the log is not what was sealed; stopped sending: {', '.join(halted) or 'nothing more'}"
        )
    elif head is None:
        print("nothing is sealed yet")
    else:
        print(f"the sealed log is as it was: {head.number + 1} blocks, head {head.hash.hex()}")
        print(f"not sealed yet: {', '.join(f'{n} {name}' for name, n in waiting.items())}")
    return 1 if found else 0


def _halt(opened: Workspace, found: list[dict[str, str]]) -> list[str]:
    """I16: a broken chain stops the sending of every integration until a person has looked."""
    from hub.model.halt import Halt
    from hub.store.halts import halt

    if not found:
        return []
    why = f"F28: the sealed log was changed: {found[0]['place']}: {found[0]['what']} (hub verify --store)"
    now = opened.clock.now()
    names = sorted(opened.catalog.integrations)
    return [
        name for name in names if opened.store.write_now(partial(halt, new=Halt(name, "invariant", why, now, "hub")))
    ]

"""What a workspace's connections may do, by their settings: actions offered, polling, intake open or closed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.bootstrap import Workspace, open_workspace
from hub.cli.roles import POLL_BESIDE_WEBHOOKS, POLL_ONLY
from hub.cli.serving import Serving
from hub.model.clock import SECOND
from hub.settings import load_settings

ROOT = Path(__file__).parents[3]
JIRA = 'connections: {jira: {url: "https://acme.example.com", secret: "env:S", api_token: "env:T"'


def workspace(tmp_path: Path, text: str, **environ: str) -> Workspace:
    (tmp_path / "hub.yaml").write_text(text, "utf-8")
    return open_workspace(tmp_path, environ=environ)


def every(opened: Workspace) -> dict[str, int]:
    return {one.connector.connection.name: one.every for one in Serving(opened, listen=False)._pollers()}


def test_mail_by_files_can_be_read_back_and_mail_by_smtp_cannot(tmp_path: Path) -> None:
    by_file = workspace(tmp_path, "connections: {mail: {url: builtin}}").connection_facts["mail"]
    by_smtp = workspace(tmp_path, 'connections: {mail: {url: "smtp://mail.example.com:25"}}').connection_facts["mail"]
    assert by_file.actions.keys() == by_smtp.actions.keys()
    assert by_file.actions != by_smtp.actions


def test_a_source_with_credentials_is_polled_beside_its_webhooks(tmp_path: Path) -> None:
    assert every(workspace(tmp_path, JIRA + "}}", S="s", T="t")) == {"jira": POLL_BESIDE_WEBHOOKS}


@pytest.mark.parametrize(
    ("rest", "environ", "expected"),
    [
        (", poll: 5m}}", {"S": "s", "T": "t"}, {"jira": 300 * SECOND}),
        (", poll: off}}", {"S": "s", "T": "t"}, {}),
        ("}}", {"S": "s"}, {}),
    ],
)
def test_polling_is_as_told_and_never_without_credentials(
    tmp_path: Path, rest: str, environ: dict[str, str], expected: dict[str, int]
) -> None:
    assert every(workspace(tmp_path, JIRA + rest, **environ)) == expected


def test_a_stand_in_is_not_polled_unless_told_and_a_drop_folder_always_is(tmp_path: Path) -> None:
    text = "connections: {jira: {url: builtin, secret: 'env:S'}, drop: {connector: file, folder: in}}"
    assert every(workspace(tmp_path, text, S="s")) == {"drop": POLL_ONLY}


def test_poll_off_is_kept_apart_from_poll_not_said(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text("connections: {erp: {poll: off}, jira: {}}", "utf-8")
    found = load_settings(tmp_path, {}).connections
    assert (found["erp"].poll, found["jira"].poll) == (0, None)


def test_the_repositorys_own_workspace_has_every_intake_open() -> None:
    opened = open_workspace(ROOT, environ={})
    assert {name: opened.problem(name) for name in opened.settings.connections if opened.problem(name)} == {}


@pytest.mark.parametrize("words", [("events",), ("effect", "list"), ("loop", "list"), ("quarantine", "list")])
def test_commands_that_only_read_load_neither_the_engine_nor_an_http_client(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "hub.yaml").write_text("connections: {erp: {url: builtin}}", "utf-8")
    heavy = ("aiohttp", "hub.engine.facts", "hub.mapping.compile", "hub.loop.decide", "hub.effect.executor")
    program = (
        "import sys; from hub.cli.app import run; code = run(sys.argv[1:]);"
        f"print([name for name in {heavy!r} if name in sys.modules], code, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *words, "-w", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stderr == "[] 0\n"


def test_an_embedded_hub_loads_nothing_of_kafka_or_postgresql(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text("connections: {erp: {url: builtin}}", "utf-8")
    cluster = ("faust", "mode", "aiokafka", "kafka", "psycopg", "lz4", "crc32c")
    program = (
        "import sys; from pathlib import Path; from hub.bootstrap import open_workspace;"
        "from hub.cli.serving import Serving; import hub.cli.app;"
        "Serving(open_workspace(Path(sys.argv[1]), environ={}), listen=True);"
        f"print([name for name in {cluster!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")

"""``hub.yaml``: every problem at once with its place, secrets by reference only."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.bootstrap import open_workspace
from hub.errors import ConfigError
from hub.model.clock import SECOND
from hub.references import SecretMissing, duration, resolve
from hub.settings import load_settings


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "hub.yaml").write_text(text, "utf-8")
    return tmp_path


def findings(tmp_path: Path, text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigError) as caught:
        open_workspace(write(tmp_path, text), environ={})
    return [(one.place.line, one.place.column, one.fix or one.message) for one in caught.value.findings]


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "connections: {}\n"), {})
    assert (settings.store, settings.host, settings.port) == ("sqlite:.hub/hub.db", "127.0.0.1", 8700)


def test_the_environment_wins(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "listen: 127.0.0.1:1\n"), {"HUB_LISTEN": "127.0.0.1:9"}).port == 9


def test_the_database_comes_from_the_environment_before_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, "store: postgresql://hub@db/hub\n")
    assert load_settings(folder, {"DATABASE_URL": "postgresql://a@b/c"}).store == "postgresql://a@b/c"
    both = {"DATABASE_URL": "postgresql://a@b/c", "HUB_STORE": "sqlite:x.db"}
    assert load_settings(folder, both).store == "sqlite:x.db"


@pytest.mark.parametrize(
    "text",
    [
        "store: postgresql://hub:hunter2@db/hub\n",
        "store: postgresql://hub@db/hub?password=hunter2\n",
        "store_password: hunter2\n",
    ],
)
def test_a_database_password_written_out_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text), {})
    (found,) = caught.value.findings
    assert found.place.line == 1
    assert "hunter2" not in str(caught.value) + found.message + (found.fix or "")


def test_a_store_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert findings(tmp_path, "store: mysql://db/hub\n")


def test_bare_on_and_off_are_words(tmp_path: Path) -> None:
    settings = load_settings(
        write(tmp_path, "governance: off\nconnections: {erp: {url: builtin, refetch: off}}\n"), {}
    )
    assert (settings.governance, settings.connections["erp"].refetch) == ("off", "off")


def test_an_unknown_key_is_an_error_with_its_place_and_the_near_one(tmp_path: Path) -> None:
    assert findings(tmp_path, "listen: 127.0.0.1:1\nconections: {}\n") == [(2, 1, "did you mean 'connections'?")]


def test_an_unknown_setting_of_a_connector_is_an_error_with_the_near_one(tmp_path: Path) -> None:
    ((line, _, fix),) = findings(tmp_path, "connections:\n  jira: {url: builtin, secrt: env:X}\n")
    assert (line, fix) == (2, "did you mean 'secret'?")


def test_a_secret_written_out_is_refused(tmp_path: Path) -> None:
    ((line, _, message),) = findings(tmp_path, "connections:\n  jira: {url: builtin, secret: hunter2}\n")
    assert line == 2
    assert "reference" in message
    assert "hunter2" not in message


def test_a_missing_required_setting_is_told(tmp_path: Path) -> None:
    ((_, _, fix),) = findings(tmp_path, "connections:\n  jira: {}\n")
    assert fix.startswith("add url:")


@pytest.mark.parametrize(("text", "micros"), [("500ms", 500_000), ("5s", 5_000_000), ("1d", 86_400_000_000)])
def test_durations(text: str, micros: int) -> None:
    assert duration(text) == micros


@pytest.mark.parametrize("reference", ["env:NOT_THERE", "env:EMPTY", "file:nowhere", "vault:x"])
def test_a_missing_or_empty_secret_is_named_never_shown(tmp_path: Path, reference: str) -> None:
    with pytest.raises(SecretMissing):
        resolve(reference, tmp_path, {"EMPTY": ""})


def test_a_connection_whose_secret_is_missing_keeps_its_gate_closed_and_the_others_open(tmp_path: Path) -> None:
    text = "connections:\n  jira: {url: builtin, secret: env:A}\n  trello: {url: builtin, secret: env:B}\n"
    opened = open_workspace(write(tmp_path, text), environ={"A": "x"})
    gates = opened.gates()
    assert gates["jira"].closed == ""
    assert "env:B" in gates["trello"].closed


KAFKA = "store: postgresql://hub@db/hub\nlog: kafka\n"


def kafka_findings(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "hub.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_settings(tmp_path, {})
    return [f"{one.place.line}: {one.message}" for one in raised.value.findings]


def test_kafka_is_off_by_default_and_asks_for_postgresql(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text("language: en\n")
    assert load_settings(tmp_path, {}).log == "sql"
    (found,) = kafka_findings(tmp_path, "log: kafka\n")
    assert "needs a PostgreSQL store" in found


def test_the_common_variable_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "hub.yaml").write_text(KAFKA + "kafka: {bootstrap: 'a:1', prefix: p, retention: 3d}\n")
    found = load_settings(tmp_path, {"KAFKA_BOOTSTRAP_SERVERS": "b:2"}).kafka
    assert (found.bootstrap, found.prefix, found.retention) == ("b:2", "p", 3 * 86_400 * SECOND)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kafka: {bootsrap: 'a:1'}\n", "unknown key 'bootsrap'"),
        ("kafka: {bootstrap: broker}\n", "no broker"),
        ("kafka: {sasl: {username: u, password: plain-words}}\n", "by reference only"),
        ("kafka: {sasl: {mechanism: PLAIN, username: u, password: 'env:P'}}\n", "shows the password"),
        ("kafka: {partitions: 0}\n", "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_with_the_brokers_is_said_at_its_line(tmp_path: Path, text: str, words: str) -> None:
    (found,) = kafka_findings(tmp_path, KAFKA + text)
    assert found.startswith("3: ")
    assert words in found

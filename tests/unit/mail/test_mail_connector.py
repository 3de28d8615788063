"""Mail goes out once, reads back from files, and refuses what would smuggle headers in."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.mail.connector import BY_FILE, BY_SMTP, MailConnector
from hub.connector.answers import Ambiguous, NotSent, RefusedByTarget, Unauthorized
from hub.connector.base import ActCall, Connection, ObjectRef
from hub.connector.http import Http
from hub.errors import ConfigError
from hub.model.action import TargetClass

PAYLOAD = {"to": "王芳 <finance@example.com>, ops@example.com", "subject": "项目结项 OPS-41", "body": "你好\n第二行"}


def call(payload: Any = PAYLOAD, key: str = "k1") -> ActCall:
    return ActCall("message.send", "send", key, key, payload)


def by_file(folder: Path) -> MailConnector:
    return MailConnector(Connection("mail", {"folder": str(folder)}), Http(""))


async def test_a_mail_in_a_folder_reads_back_as_it_was_meant(tmp_path: Path) -> None:
    mail = by_file(tmp_path / "mail")
    receipt = await mail.act(call())
    found = await mail.read(ObjectRef("message.send", receipt.remote_id))
    assert found is not None
    assert found.document is not None
    assert found.document["subject"] == PAYLOAD["subject"]
    assert found.document["body"] == PAYLOAD["body"]
    assert found.document["external_ref"] == "k1"


async def test_a_reference_as_long_as_a_real_one_reads_back_as_it_was_sent(tmp_path: Path) -> None:
    """The header is folded then: what the fold adds is no part of the reference."""
    post, key = by_file(tmp_path), "0d49a1a3" * 8
    receipt = await post.act(call(key=key))
    found = await post.read(ObjectRef("message.send", receipt.remote_id))
    assert found is not None
    assert found.document is not None
    assert found.document["external_ref"] == key


async def test_the_same_key_twice_leaves_one_file_with_the_first_bytes(tmp_path: Path) -> None:
    mail = by_file(tmp_path)
    first = await mail.act(call())
    before = (tmp_path / first.remote_id).read_bytes()
    again = await mail.act(call({**PAYLOAD, "body": "other"}))
    assert again.remote_id == first.remote_id
    assert (tmp_path / first.remote_id).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [first.remote_id]


@pytest.mark.parametrize("field", ["to", "subject"])
@pytest.mark.parametrize("smuggled", ["x\r\nBcc: all@example.com", "x\nBcc: y@example.com", "x\0", "", "x\x0b"])
async def test_headers_cannot_be_smuggled_in(tmp_path: Path, field: str, smuggled: str) -> None:
    with pytest.raises(RefusedByTarget):
        await by_file(tmp_path).act(call({**PAYLOAD, field: smuggled}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["nobody", "@example.com", "a b@example.com", "a@", ","])
async def test_what_is_no_address_is_refused(tmp_path: Path, to: str) -> None:
    with pytest.raises(RefusedByTarget):
        await by_file(tmp_path).act(call({**PAYLOAD, "to": to}))


@pytest.mark.parametrize("name", ["../secret.eml", "a/b.eml", "x.txt", ".eml", "..eml"])
async def test_reading_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_bytes(b"Subject: x\n\nx")
    assert await by_file(tmp_path / "mail").read(ObjectRef("message.send", name)) is None


async def test_an_odd_key_still_names_a_plain_file(tmp_path: Path) -> None:
    receipt = await by_file(tmp_path).act(call(key="../../etc/passwd"))
    assert (tmp_path / receipt.remote_id).is_file()
    assert await by_file(tmp_path).find("message.send", "../../etc/passwd", {}) is not None


async def test_a_folder_that_cannot_be_written_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(NotSent):
        await by_file(tmp_path / "taken").act(call())


def test_the_class_depends_on_where_it_goes() -> None:
    assert MailConnector.offered({"folder": "x"}) == (BY_FILE,)
    assert MailConnector.offered({"host": "smtp.example.com"}) == (BY_SMTP,)
    assert (BY_FILE.target, BY_FILE.readable) == (TargetClass.A, True)
    assert (BY_SMTP.target, BY_SMTP.readable) == (TargetClass.C, False)


class Talk(socketserver.StreamRequestHandler):
    """A mail server that says what it is told to say after each word; ``None`` hangs up."""

    script: ClassVar[dict[str, str | None]] = {}
    taken: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.say("220 hello")
        while line := self.rfile.readline():
            word = line.split()[0].upper().decode()
            answer = self.script.get(word, "354 go on" if word == "DATA" else "250 ok")
            if answer is None:
                return
            self.say(answer)
            if word == "QUIT":
                return
            if answer.startswith("354"):
                body = b""
                while not (row := self.rfile.readline()).startswith(b".\r\n"):
                    body += row
                end = self.script.get(".", "250 taken")
                if end is None:
                    return
                self.taken.append(body)
                self.say(end)

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def smtp() -> Iterator[MailConnector]:
    Talk.script, Talk.taken = {}, []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings = {
            "host": "127.0.0.1",
            "port": server.server_address[1],
            "starttls": False,
            "sender": "hub@x.example",
            "allow": [f"smtp://127.0.0.1:{server.server_address[1]}"],
        }
        yield MailConnector(Connection("mail", settings), Http(""))
        server.shutdown()
        thread.join()


async def test_a_mail_is_handed_in_by_smtp(smtp: MailConnector) -> None:
    receipt = await smtp.act(call())
    assert receipt.remote_id == "<k1@projops-hub.invalid>"
    assert b"X-Hub-Reference: k1" in Talk.taken[0]
    assert (await smtp.probe()).ok


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"MAIL": "550 no"}, RefusedByTarget),
        ({"RCPT": "550 nobody here"}, RefusedByTarget),
        ({"RCPT": "451 later"}, NotSent),
        ({"RCPT": None}, NotSent),
        ({"DATA": "554 no"}, RefusedByTarget),
        ({".": "552 too large"}, RefusedByTarget),
        ({".": "451 later"}, NotSent),
        ({".": None}, Ambiguous),
    ],
    ids=str,
)
async def test_each_smtp_answer_has_its_verdict(
    smtp: MailConnector, script: dict[str, str | None], error: type[Exception]
) -> None:
    Talk.script = script
    with pytest.raises(error):
        await smtp.act(call())


async def test_a_refused_login_is_unauthorized() -> None:
    Talk.script, Talk.taken = {"EHLO": "250 AUTH PLAIN", "AUTH": "535 no"}, []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port = server.server_address[1]
        allow = [f"smtp://127.0.0.1:{port}"]
        settings = {"host": "127.0.0.1", "port": port, "starttls": False, "user": "u", "allow": allow}
        mail = MailConnector(Connection("mail", settings, {"password": ("s3cret-pass",)}), Http(""))
        with pytest.raises((Unauthorized, NotSent)) as caught:
            await mail.act(call())
        assert "s3cret-pass" not in str(caught.value)
        server.shutdown()
        thread.join()


async def test_a_mail_server_that_is_not_there_was_sent_nothing() -> None:
    settings = {"host": "127.0.0.1", "port": 1, "starttls": False, "allow": ["smtp://127.0.0.1:1"]}
    mail = MailConnector(Connection("mail", settings), Http(""))
    with pytest.raises(NotSent):
        await mail.act(call())
    assert not (await mail.probe()).ok


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "2130706433"])
def test_an_inner_mail_server_must_be_named_in_allow(host: str) -> None:
    with pytest.raises(ConfigError, match=r"does not connect|not a host name"):
        MailConnector(Connection("mail", {"host": host, "port": 25}), Http(""))


def test_without_encryption_even_a_public_mail_server_must_be_named_in_allow() -> None:
    plain = {"host": "smtp.example.com", "port": 25, "starttls": False}
    with pytest.raises(ConfigError, match=r"allow: \[smtp://smtp.example.com:25\]"):
        MailConnector(Connection("mail", plain), Http(""))
    MailConnector(Connection("mail", {**plain, "allow": ["smtp://smtp.example.com:25"]}), Http(""))
    MailConnector(Connection("mail", {**plain, "starttls": True}), Http(""))


async def test_a_name_that_leads_inside_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 25))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    mail = MailConnector(Connection("mail", {"host": "smtp.example.com", "port": 25}), Http(""))
    with pytest.raises(NotSent, match="not public"):
        await mail.act(call())

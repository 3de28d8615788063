"""Mail: ``message.send``. Into a folder it is class A (the key names the file) and read back; SMTP is class C.

A mail server can neither be asked whether it took a message nor be told to forget a second copy: after a lost
answer a person decides.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from connectors.mail.letter import letter, read_letter, recipients
from connectors.mail.post import Server, greet, hand_in
from hub.connector.answers import Found, NotSent, Receipt, Unauthorized
from hub.connector.base import ActCall, Connection, Connector, ObjectRef, Probe
from hub.connector.documents import document, record, text
from hub.connector.guard import Guard, parse_allowed
from hub.connector.http import Http
from hub.connector.spec import ConnectorSpec, Setting
from hub.model.action import ActionSpec, Call, TargetClass
from hub.model.record import Decoded, Json

_FIELDS = {
    "to": text("one or more mail addresses, with commas", 2000),
    "subject": text("the subject, one line", 500),
    "body": text("the text", 20000),
}
BY_SMTP = ActionSpec(
    name="message.send",
    title={"en": "mail", "zh": "邮件"},
    weight="note",
    target=TargetClass.C,
    payload=record(_FIELDS),
    document=document(_FIELDS),
    calls=(Call("send"),),
    carrier="header X-Hub-Reference and Message-ID",
    readable=False,
)
BY_FILE = replace(BY_SMTP, target=TargetClass.A, readable=True, key_life_seconds=3650 * 24 * 3600)
"""The file stays: the key lives as long as the folder."""
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")

SPEC = ConnectorSpec(
    name="mail",
    title="Mail",
    settings=(
        Setting("url", "url", "`builtin` writes .eml files into .hub/mail", "builtin"),
        Setting("folder", "text", "write .eml files here instead of sending", "outbox"),
        Setting("host", "text", "SMTP server", "smtp.example.com"),
        Setting("port", "integer", "SMTP port", "587", 587),
        Setting(
            "allow", "list", "origins the hub may connect to although they are not public", "[smtp://10.0.0.5:25]"
        ),
        Setting("starttls", "boolean", "encrypt with STARTTLS", "true", True),
        Setting("user", "text", "SMTP login", "hub@example.com"),
        Setting("password", "text", "SMTP password", "env:SMTP_PASSWORD", secret=True),
        Setting("sender", "text", "the From address", "hub@example.com", "projops-hub@localhost"),
    ),
    actions=(BY_SMTP,),
    guarantee={
        "en": "Files: once per effect. SMTP: at most once by itself; after a lost answer a person decides.",
        "zh": "写文件：每个动作一封。SMTP：自动至多发送一次；应答丢失时由人决定。",
    },
)


class MailConnector(Connector):
    """Writes or sends; reads only what it wrote."""

    spec: ClassVar[ConnectorSpec] = SPEC

    def __init__(self, connection: Connection, http: Http) -> None:
        super().__init__(connection, http)
        if self._folder is None:
            self._server  # noqa: B018 - an address that may not be used is said at the start

    @classmethod
    def offered(cls, settings: Mapping[str, Any]) -> tuple[ActionSpec, ...]:
        return (BY_FILE,) if settings.get("folder") else (BY_SMTP,)

    def decode(self, headers: Mapping[str, str], body: bytes) -> Decoded:
        """It receives nothing."""
        return Decoded(skipped="no-stream")

    async def act(self, call: ActCall) -> Receipt:
        message = letter(call.payload, self._sender, call.reference, time.time_ns() // 1000)
        if self._folder is not None:
            return await asyncio.to_thread(self._write, call.key, message.as_bytes())
        await asyncio.to_thread(hand_in, self._server, self._sender, recipients(call.payload), message.as_bytes())
        return Receipt(str(message["Message-ID"]), str(message["Message-ID"]))

    async def find(self, action: str, reference: str, payload: Mapping[str, Json]) -> Found | None:
        return await self.read(ObjectRef(action, _file_name(reference)))

    async def read(self, ref: ObjectRef) -> Found | None:
        if self._folder is None or not _is_file_name(ref.id):
            return None
        file = self._folder / ref.id
        try:
            data = await asyncio.to_thread(file.read_bytes)
        except FileNotFoundError:
            return None
        return Found(ref.id, ref.id, file.resolve().as_uri(), "written", read_letter(data))

    async def probe(self) -> Probe:
        if self._folder is not None:
            return Probe(True, f"mails are written into {self._folder}")
        try:
            said = await asyncio.to_thread(greet, self._server)
        except (NotSent, Unauthorized) as error:
            return Probe(False, str(error), "check host, port, starttls, user and password of this connection")
        return Probe(True, f"the mail server answers: {said}")

    @property
    def _folder(self) -> Path | None:
        folder = self.connection.settings.get("folder")
        return Path(str(folder)) if folder else None

    @property
    def _sender(self) -> str:
        return str(self.connection.settings.get("sender") or "projops-hub@localhost")

    @property
    def _server(self) -> Server:
        settings = self.connection.settings
        host, port = str(settings.get("host") or "localhost"), int(settings.get("port") or 587)
        starttls = settings.get("starttls") is not False
        allowed = parse_allowed(settings.get("allow") or ())
        return Server(
            host=host,
            port=port,
            starttls=starttls,
            user=str(settings.get("user") or ""),
            password=self.connection.secret("password"),
            guard=Guard.of(f"smtp://{host}:{port}", allowed, {"smtp"} if starttls else ()),
        )

    def _write(self, key: str, data: bytes) -> Receipt:
        """The file appears whole, once: a second write with the same key leaves the first."""
        name = _file_name(key)
        folder = self._folder
        assert folder is not None
        file, partial = folder / name, folder / f".{name}.{os.getpid()}.partial"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            if not file.exists():
                partial.replace(file)
        except OSError as error:
            raise NotSent(f"cannot write {file}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
        return Receipt(name, name, file.resolve().as_uri(), "written")


def _file_name(key: str) -> str:
    return f"{key if _PLAIN_KEY.fullmatch(key) else sha256(key.encode()).hexdigest()}.eml"


def _is_file_name(name: str) -> bool:
    return name.endswith(".eml") and _PLAIN_KEY.fullmatch(name[:-4]) is not None

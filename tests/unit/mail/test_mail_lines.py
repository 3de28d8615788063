"""Whatever some reader takes for the end of a line is refused in a header, with words; ordinary text is not."""

# ruff: noqa: ASYNC240
from __future__ import annotations

from pathlib import Path

import pytest

from connectors.mail.connector import MailConnector
from hub.connector.answers import RefusedByTarget
from hub.connector.base import ActCall, Connection, ObjectRef
from hub.connector.http import Http

PAYLOAD = {"to": "ops@example.com", "subject": "s", "body": "b"}


def by_file(folder: Path, **settings: object) -> MailConnector:
    return MailConnector(Connection("mail", {"folder": str(folder), **settings}), Http(""))


def call(**fields: str) -> ActCall:
    return ActCall("message.send", "send", "k1", "k1", {**PAYLOAD, **fields})


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029", "\x1c", "\x9b", "\ud800"])
@pytest.mark.parametrize("field", ["to", "subject"])
async def test_a_line_end_or_control_of_unicode_is_refused(tmp_path: Path, field: str, end: str) -> None:
    with pytest.raises(RefusedByTarget):
        await by_file(tmp_path).act(call(**{field: f"a@example.com{end}Bcc: all@example.com"}))
    assert list(tmp_path.iterdir()) == []


async def test_a_sender_with_a_line_end_sends_nothing(tmp_path: Path) -> None:
    with pytest.raises(RefusedByTarget):
        await by_file(tmp_path, sender="hub@example.com\u2028Bcc: a@example.com").act(call())


@pytest.mark.parametrize("subject", ["项目　结项", "a\u00a0b", "🎉 done", "=?utf-8?q?Bcc=3A?= x", "x" * 500])
async def test_text_that_people_write_is_sent_as_it_is(tmp_path: Path, subject: str) -> None:
    mail = by_file(tmp_path)
    receipt = await mail.act(call(subject=subject))
    head = (tmp_path / receipt.remote_id).read_bytes().split(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    found = await mail.read(ObjectRef("message.send", receipt.remote_id))
    assert found is not None


@pytest.mark.parametrize("body", ["caf\ud800", "a\x00b", "\u2028.\r\n.\r\nQUIT"])
async def test_a_body_is_sent_or_refused_never_a_crash(tmp_path: Path, body: str) -> None:
    try:
        await by_file(tmp_path).act(call(body=body))
    except RefusedByTarget:
        return
    assert len(list(tmp_path.iterdir())) == 1

"""What Trello's answers to a comment mean: whether it may have been written."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.trello.connector import TrelloConnector
from hub.connector.answers import Throttled
from hub.connector.base import ActCall, Connection
from hub.connector.http import Http


class Saying(Http):
    """A network that gives one answer."""

    said: tuple[int, dict[str, str], bytes]

    async def _call(self, *_: Any) -> tuple[int, dict[str, str], bytes]:
        return self.said


@pytest.mark.parametrize(("status", "not_done"), [(429, True), (503, False)])
async def test_a_gateways_503_does_not_say_that_the_comment_was_not_written(status: int, not_done: bool) -> None:
    http = Saying("https://api.trello.invalid")
    http.said = (status, {"retry-after": "7"}, b"wait")
    trello = TrelloConnector(Connection("trello", {}), http)
    with pytest.raises(Throttled) as told:
        await trello.act(ActCall("card.comment", "comment", "k", "r" * 64, {"card": "c1", "body": "hello"}))
    assert told.value.not_done is not_done

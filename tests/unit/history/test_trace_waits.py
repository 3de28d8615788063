"""A trace says what a loop waits for, whether its event tells the whole list or only what came."""

from __future__ import annotations

import pytest

from hub.history.trace import _loop_told

ENTRY = {"kind": "approval", "ref": "close-1/purchase", "since": 1, "who": "finance", "message": ""}


@pytest.mark.parametrize("said", [{"waiting": [ENTRY]}, {"waits": {"gone": ["x"], "came": [ENTRY]}}])
def test_what_came_to_be_waited_for_is_told(said):
    assert _loop_told({"set": said}) == "waits for approval from finance"

"""Every shipped connector loads, is named as registered, and describes itself whole."""

from __future__ import annotations

import jsonschema_rs
import pytest

from hub.connector.documents import OPERATIONS
from hub.connector.registry import SHIPPED, class_of, names, spec_of
from hub.errors import NotFound


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_connector_describes_itself(name: str) -> None:
    spec = spec_of(name)
    assert spec.name == name
    assert spec.guarantee.keys() >= {"en", "zh"}
    for setting in spec.settings:
        assert setting.about
        assert not (setting.secret and setting.default), setting.name
    for action in spec.actions:
        jsonschema_rs.Draft202012Validator(dict(action.payload))
        jsonschema_rs.Draft202012Validator(dict(action.document))
        assert action.carrier
        assert action.title.keys() >= {"en", "zh"}
        assert not action.undo or spec.action(action.undo) is not None


def test_the_same_action_means_the_same_in_every_erp() -> None:
    for name in ("erp", "tryton"):
        updates = {stream.update_action for stream in spec_of(name).streams}
        for action in (one for one in spec_of(name).actions if one.name not in updates):
            assert action.payload is OPERATIONS[action.name].payload
            assert action.document is OPERATIONS[action.name].document


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(NotFound) as caught:
        class_of("tritn")
    assert "tryton" in caught.value.fix


def test_names_are_listed_ours_first() -> None:
    assert names()[: len(SHIPPED)] == tuple(sorted(SHIPPED))

"""Values made for every record: equal, hashed and copied as frozen dataclasses are, and never made loose."""

from dataclasses import dataclass, replace

import pytest

from hub.model.frozen import value


@value(frozen=True, slots=True)
class Cheap:
    at: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frozen:
    at: int
    words: tuple[str, ...] = ()


def test_a_value_compares_hashes_and_copies_as_a_frozen_dataclass_does() -> None:
    one = Cheap(1, ("a",))
    assert one == Cheap(1, ("a",))
    assert one != Cheap(2, ("a",))
    assert hash(one) == hash(Frozen(1, ("a",)))
    assert replace(one, at=2) == Cheap(2, ("a",))
    assert one.at == 1


def test_a_value_takes_no_attribute_beyond_its_fields() -> None:
    with pytest.raises(AttributeError):
        Cheap(1).other = 2  # type: ignore[attr-defined]


def test_a_value_that_is_not_frozen_for_the_type_checker_is_refused() -> None:
    with pytest.raises(ValueError, match="frozen"):
        value(frozen=False, slots=True)

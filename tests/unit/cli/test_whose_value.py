"""``hub entity show`` names the source object each value came from, also where several systems feed one entity."""

from __future__ import annotations

from hub.cli.views import source_of
from hub.model.entity import Entity, Mark, SourceMarks

STATE = {"name": "ACME Ltd", "grade": "gold", "limit": "5"}


def entity(crm_says: str | None = "Acme", erp_says: str | None = "ACME Ltd") -> Entity:
    """Both said the name, which prefers the ERP; the CRM, which came last, also the grade, the ERP the limit."""
    marks = {
        "erp/C1": SourceMarks(Mark(10, 0), said={"name": erp_says}),
        "crm/7": SourceMarks(Mark(20, 0), said={"name": crm_says}),
    }
    return Entity("customer", "91310000", state=STATE, marks=marks)


def test_a_value_belongs_to_the_connection_whose_delivery_set_it() -> None:
    assert source_of(entity(), "limit", "erp") == "erp/C1"
    assert source_of(entity(), "grade", "crm") == "crm/7"


def test_a_preferred_value_belongs_to_the_source_that_says_it() -> None:
    assert source_of(entity(), "name", "crm") == "erp/C1", "the CRM's record came last, the ERP's word holds"
    assert source_of(entity(crm_says="ACME Ltd"), "name", "crm") == "crm/7", "both say it: the one that set it"


def test_without_a_delivery_it_is_the_object_that_spoke_last() -> None:
    assert source_of(entity(), "grade", "") == "crm/7"

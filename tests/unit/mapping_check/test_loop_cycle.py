"""A circle through two loops is found and printed as a path, from the loop that stands first."""

from __future__ import annotations

from dataclasses import replace

from connectors.erp.connector import SPEC as ERP
from hub.connector.spec import StreamSpec
from hub.mapping.build import build
from hub.mapping.check import loop_cycle
from hub.mapping.check.checked import CheckContext, Checked

STREAMS = tuple(StreamSpec(name, name, (), webhook=True) for name in ("settlement", "reimbursement"))
TEXT = """
integration: t
owner: ops
systems: {erp: erp}
tables:
- {entity: project, source: erp.settlement, key: id, fields: []}
- {entity: campaign, source: erp.reimbursement, key: id, fields: []}
loops:
- loop: pay
  for: project
  when: 'filled(project.name)'
  steps: [{step: back, do: erp.reimbursement.create, with: []}]
- loop: settle
  for: campaign
  when: 'filled(campaign.name)'
  steps: [{step: book, do: erp.settlement.create, with: []}]
"""


def found(text: str, workspace: CheckContext) -> list[str]:
    context = replace(workspace, specs={"erp": replace(ERP, streams=STREAMS)})
    checked = Checked([build(text, "t.yaml", context.schemas.newest)], context)
    return [each.why for each in loop_cycle.check(checked)]


def test_a_circle_through_two_loops_is_one_finding_with_its_path(workspace: CheckContext) -> None:
    assert found(TEXT, workspace) == [
        "loop pay → step back (erp.reimbursement.create) → table campaign ← erp.reimbursement"
        " → loop settle → step book (erp.settlement.create) → table project ← erp.settlement → loop pay"
    ]


def test_without_a_way_back_there_is_no_circle(workspace: CheckContext) -> None:
    assert found(TEXT.replace("erp.settlement.create", "erp.asset.create"), workspace) == []

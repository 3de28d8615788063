"""All rules over some files: every problem in one run, sorted by file, line and column."""

from __future__ import annotations

from collections.abc import Sequence

from hub.mapping.build import Built
from hub.mapping.check.checked import CheckContext, Checked
from hub.mapping.check.registry import RULES
from hub.model.diagnostic import Diagnostic


def check_integrations(files: Sequence[Built], context: CheckContext) -> list[Diagnostic]:
    """What is wrong with the files, read together: names and tables must be unique among them."""
    checked = Checked(files, context)
    found = [each for rule in RULES.values() for each in rule.check(checked)]
    # Slugs without a module of their own (a newer expression checker's) are reported all the same.
    found += [each for slug, several in checked.found.items() if slug not in RULES for each in several]
    return sorted(set(found), key=lambda each: (each.place, each.rule, each.message))

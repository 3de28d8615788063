"""The manual page of one rule, for the terminal. Pure; the same docstring makes ``docs/mapping-table.md``."""

from __future__ import annotations

from hub.errors import UsageError
from hub.mapping.check.registry import RULES
from hub.mapping.form import near


def explain(name: str) -> str:
    """What a rule asks for, why, an example and the fix. Raises ``UsageError`` for a name that is no rule."""
    rule = RULES.get(name)
    if rule is None:
        listed = ", ".join(sorted(RULES))
        fix = near(name, tuple(RULES)) or "hub check --explain RULE; the rule stands in brackets behind a finding"
        raise UsageError(f"there is no rule {name!r}", why=f"rules: {listed}", fix=fix)
    return f"{name}\n\n{page_of(name)}"


def page_of(name: str) -> str:
    """The page of a rule; of what is none (a newer slug), its name."""
    rule = RULES.get(name)
    page = ((rule.__doc__ if rule else "") or name).strip()
    return page.replace("``", "`").replace("Example::", "Example:")

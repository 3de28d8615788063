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
    page = (rule.__doc__ or "").strip().replace("``", "`").replace("Example::", "Example:")
    return f"{name}\n\n{page}"

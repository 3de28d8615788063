"""The generated parts of ``docs/mapping-table.md``: rules from their docstrings, converters from their registry.

``python -m hub.mapping.check.manual FILE`` rewrites them between their markers; a test keeps the page in step.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hub.mapping.check.registry import RULES
from hub.mapping.convert import CONVERTERS
from hub.mapping.expression.functions import FUNCTIONS

MARKER = "<!-- generated: {} -->"
END = "<!-- end -->"


def rules() -> str:
    """Every rule with what it asks for, why, an example and the fix."""
    return "\n\n".join(_page(name, RULES[name].__doc__ or "") for name in sorted(RULES))


def _page(name: str, page: str) -> str:
    """A docstring as Markdown: its ``Example::`` becomes a code block."""
    before, _, rest = page.strip().partition("Example::\n\n")
    example, _, fix = rest.partition("\nFix: ")
    code = "\n".join(line.removeprefix("    ") for line in example.strip("\n").splitlines())
    words = before.strip().replace("``", "`")
    return f"#### {name}\n\n{words}\n\n```yaml\n{code}\n```\n\nFix: {fix.strip().replace('``', '`')}"


def converters() -> str:
    """The converters as a table."""
    lines = ["| `as:` | gives | means | 含义 | example |", "|---|---|---|---|---|"]
    lines += [
        f"| `{spec.form}` | {spec.gives} | {spec.about['en']} | {spec.about['zh']} | {spec.example} |"
        for spec in CONVERTERS.values()
    ]
    return "\n".join(lines)


def functions() -> str:
    """The functions of expressions as a table."""
    lines = ["| function | gives | means | example |", "|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.gives} | {one.about} | `{one.example}` |" for one in FUNCTIONS.values()]
    return "\n".join(lines)


def renewed(page: str) -> str:
    """The page with its generated parts as they are now."""
    for name, text in (("rules", rules()), ("converters", converters()), ("functions", functions())):
        start = page.index(MARKER.format(name)) + len(MARKER.format(name))
        page = f"{page[:start]}\n\n{text}\n\n{page[page.index(END, start) :]}"
    return page


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text()))

"""The expression language of the mapping table: a CEL subset, read, checked and compiled to Python.

``parse`` gives a tree, ``check`` finds what cannot work, ``emit`` writes Python source; ``runtime`` is what
that source calls. The language page of the manual is generated from ``functions``.
"""

from hub.mapping.expression.check import check, infer
from hub.mapping.expression.kinds import Type, TypeScope, entity_type, record_scope
from hub.mapping.expression.parse import parse
from hub.mapping.expression.tree import ExpressionSyntaxError, Node, Root, names

__all__ = [
    "ExpressionSyntaxError",
    "Node",
    "Root",
    "Type",
    "TypeScope",
    "check",
    "entity_type",
    "infer",
    "names",
    "parse",
    "record_scope",
]

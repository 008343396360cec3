"""The places of a source file where one rule can be taken out or turned, one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_SWAPPED: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a file: the line, that line as it was, what was done, and the source."""

    line: int
    said: str
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a Python source, in the order of its lines.

    A statement that only calls, or changes something in place, is left out; a comparison, `and`,
    `or`, `&`, `|`, `+` and `-` are turned; `not` and `~` are left out; a whole number is one
    more; a text without a blank (a code, a kind) is another text. Docstrings, annotations,
    imports, names of columns and texts for people stay.
    """
    tree, lines = ast.parse(source), source.splitlines()
    alone = _left_alone(tree)
    places = [
        (child, parent, field, place)
        for parent in ast.walk(tree)
        for field, value in ast.iter_fields(parent)
        for place, child in enumerate(value if isinstance(value, list) else [value])
        if isinstance(child, ast.expr | ast.stmt) and child not in alone
    ]
    places.sort(key=lambda each: (each[0].lineno, each[0].col_offset))
    for child, parent, field, place in places:
        for what, other in _instead_of(child):
            _put(parent, field, place, ast.copy_location(other, child))
            changed = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, place, child)
            yield Mutant(child.lineno, lines[child.lineno - 1].strip(), what, changed)


def _put(parent: ast.AST, field: str, place: int, child: ast.AST) -> None:
    value = getattr(parent, field)
    if isinstance(value, list):
        value[place] = child
    else:
        setattr(parent, field, child)


def _instead_of(node: ast.expr | ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in a node's place, each with words for what was done."""
    if isinstance(node, ast.stmt) and _removable(node):
        yield f"without {ast.unparse(node)[:90]}", ast.Pass()
    for other in _others(node):
        yield f"{ast.unparse(node)} → {ast.unparse(other)}", other


def _others(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if type(operator) in _TURNED:
                turned = copy.copy(node)
                turned.ops = list(node.ops)
                turned.ops[place] = _TURNED[type(operator)]()
                yield turned
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _SWAPPED:
        swapped = copy.copy(node)
        swapped.op = _SWAPPED[type(node.op)]()
        yield swapped
    elif isinstance(node, ast.BoolOp):
        either = copy.copy(node)
        either.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield either
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from [ast.Constant(f"{node.value}_other")] if node.value.isidentifier() else []


def _removable(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call)
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Subscript) for target in statement.targets)
    return isinstance(statement, ast.AugAssign | ast.Continue | ast.Raise)


def _left_alone(tree: ast.Module) -> set[ast.AST]:
    """Docstrings, annotations, imports, names of columns and texts with numbers in them."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts = [node]
        elif isinstance(node, ast.FunctionDef):
            parts = [node.returns, *(a.annotation for a in node.args.args + node.args.kwonlyargs)]
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Subscript) and (
            isinstance(node.slice, ast.Constant | ast.List) or ast.unparse(node.value) == "Literal"
        ):
            parts = [node.slice]
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if isinstance(key, ast.Constant)]
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr) or (
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ):
            parts = [node]
        for part in parts:
            if part is not None:
                found.update(ast.walk(part))
    return found

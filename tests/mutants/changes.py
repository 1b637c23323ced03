"""The small changes of a module: those of mutmut, and some that it does not know (docs/mutants.md)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import deep_replace
from mutmut.mutation.mutators import mutation_operators, operator_arg_removal, operator_string

FOR_PEOPLE = re.compile(r"""f?["'][A-Z][^"']* """)
"""A sentence. Another spelling of it breaks nothing."""
NOT_READ = (cst.Annotation, cst.Decorator, cst.Param, cst.Import, cst.ImportFrom)
OTHERWISE = {operator_string, operator_arg_removal}
DECISIONS = (
    cst.Raise, cst.Expr, cst.Return, cst.If, cst.While, cst.IfExp, cst.Break, cst.Continue, cst.Name, cst.BaseNumber,
    cst.UnaryOperation, cst.BinaryOperation, cst.BooleanOperation, cst.ComparisonTarget, cst.BaseCompOp, cst.Not,
)  # fmt: skip
SIZE_OR_KIND = {"len", "isinstance"}


@dataclass(frozen=True, slots=True)
class Change:
    """One node of a module's functions in the place of another, and the lines of the statement that it changes."""

    file: Path
    number: int
    function: str
    lines: range
    before: cst.CSTNode = field(repr=False)
    after: cst.CSTNode = field(repr=False)

    @property
    def is_decision(self) -> bool:
        """Whether it leaves a step out, turns a condition round or moves a limit; else it spoils a value."""
        return isinstance(self.before, DECISIONS)

    @property
    def name(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(slots=True)
class ChangedFile:
    file: Path
    module: cst.Module
    changes: list[Change]

    def source(self, change: Change) -> str:
        changed = deep_replace(self.module, change.before, change.after)
        return cst.ensure_type(changed, cst.Module).code


def changes_of(file: Path) -> ChangedFile:
    wrapper = MetadataWrapper(cst.parse_module(file.read_text()))
    finder = _Finder(file)
    wrapper.visit(finder)
    return ChangedFile(file, wrapper.module, finder.changes)


class _Finder(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.changes: list[Change] = []
        self._file = file
        self._names: list[str] = []
        self._functions = 0
        self._statements: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, NOT_READ) or _is_size_or_kind(node):
            return False
        if self._functions:
            if isinstance(node, cst.SimpleStatementLine):
                self._statements.append(node)
            self._note(node)
            if isinstance(node, cst.Raise) or _is_docstring(node):
                return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
            self._functions += isinstance(node, cst.FunctionDef)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()
            self._functions -= isinstance(original_node, cst.FunctionDef)

    def _note(self, node: cst.CSTNode) -> None:
        lines = self._lines_of(self._statements[-1] if self._statements else node)
        for after in _changed(node):
            name = ".".join(self._names)
            self.changes.append(Change(self._file, len(self.changes) + 1, name, lines, node, after))

    def _lines_of(self, node: cst.CSTNode) -> range:
        at = self.get_metadata(PositionProvider, node)
        assert isinstance(at, CodeRange)
        return range(at.start.line, at.end.line + 1)


def _changed(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.SimpleString | cst.FormattedString):
        if not FOR_PEOPLE.match(cst.Module([]).code_for_node(node)) and isinstance(node, cst.SimpleString):
            yield from list(operator_string(node))[:1]
        return
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and operator not in OTHERWISE:
            yield from operator(node)
    yield from _further(node)


def _further(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Statements left out, results thrown away, conditions turned round."""
    if isinstance(node, cst.Call):
        yield from (each for each in operator_arg_removal(node) if len(each.args) == len(node.args))
    elif isinstance(node, cst.Raise) or (isinstance(node, cst.Expr) and isinstance(node.value, cst.Call)):
        yield cst.Pass()
    elif isinstance(node, cst.Return) and node.value is not None and not _is_name(node.value, "None"):
        # The expression stays, with the variables that the function takes from around it.
        thrown_away = cst.BooleanOperation(cst.List([cst.Element(node.value)]), cst.And(), cst.Name("None"))
        yield node.with_changes(value=thrown_away, whitespace_after_return=cst.SimpleWhitespace(" "))
    elif isinstance(node, cst.If | cst.While) and not _is_turned_round_elsewhere(node.test):
        turned = cst.UnaryOperation(
            cst.Not(), node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        )
        yield node.with_changes(test=turned)


def _is_turned_round_elsewhere(test: cst.BaseExpression) -> bool:
    return isinstance(test, cst.UnaryOperation) or (
        isinstance(test, cst.Comparison) and len(test.comparisons) == 1
    )


def _is_name(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.ConcatenatedString)


def _is_size_or_kind(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in SIZE_OR_KIND

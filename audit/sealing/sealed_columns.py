"""The columns that the leaves of a checkpoint were made of: its signed statement names them, table by table.

So a column that a table gets later changes no old leaf, and one that is renamed or dropped does not look like
tampering. Statements that were made before they named columns are read with a list that never changes
(first_columns.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from audit.sealing.first_columns import FIRST_COLUMNS
from audit.sealing.leaf import Column, SealedTable, instant_among

RENAMED: Mapping[str, Mapping[str, str]] = {}
"""By table: each former name of a column, and its present name. A former name is never used for another column."""


def names_of(tables: Iterable[SealedTable]) -> dict[str, list[str]]:
    """The claim `columns` of a statement whose leaves are of rows of these tables as they are now."""
    return {table.name: [column.leaf_name for column in table.columns] for table in tables}


def as_sealed(table: SealedTable, claims: Mapping[str, Any]) -> SealedTable:
    """The table with the columns that a statement names, given its claims.

    If nobody verified the statement, a row that matches its leaf proves nothing.
    """
    return _with_columns(table, _named(claims.get("columns"), table.name))


def _named(columns: Any, table: str) -> tuple[str, ...]:
    names = columns.get(table) if isinstance(columns, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return FIRST_COLUMNS.get(table, ())
    return tuple(names)


@lru_cache(maxsize=256)
def _with_columns(table: SealedTable, names: tuple[str, ...]) -> SealedTable:
    now = {column.name: column for column in table.columns}
    renamed = RENAMED.get(table.name, {})
    known = {name: renamed.get(name, name) for name in names if renamed.get(name, name) in now}
    columns = tuple(Column(column, now[column].adapt, name) for name, column in known.items())
    return replace(
        table,
        columns=columns,
        unknown=tuple(sorted(set(names) - known.keys())),
        instant_name=instant_among(known.values()) or table.instant_name,
    )

"""audit/row_check.py: what no sealed row can be has no leaf, and stops nothing."""

from audit.leaf import SealedTable
from audit.models import Inspection
from audit.row_check import leaf_of

TABLE = SealedTable.of(Inspection)


def test_bytes_and_half_a_surrogate_pair_have_no_leaf() -> None:
    values = {name: 1 for name, _ in TABLE.columns} | {"at": None}
    assert leaf_of(TABLE, values.values())
    for wrong in ({"actor": b"\xff"}, {"actor": "\ud800"}, {"at": "noon"}):
        assert leaf_of(TABLE, (values | wrong).values()) == b""

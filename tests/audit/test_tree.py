"""audit/sealing/merkle.py and audit/sealing/leaves.py: many proofs of one tree, and rows found in packed leaves."""

import pytest

from audit.sealing import merkle
from audit.sealing.leaves import BrokenLeavesError, Leaf, packed, sections
from audit.sealing.merkle import Tree

pytestmark = pytest.mark.spec("RFC 9162", "2.1.3.1")


@pytest.mark.parametrize("size", [*range(18), 31, 32, 33, 100])
def test_a_tree_gives_the_proofs_that_single_ones_are(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    tree = Tree.of(leaves)
    assert tree.size == size
    for index in range(size):
        proof = tree.inclusion_proof(index)
        assert proof == merkle.inclusion_proof(leaves, index)
        assert merkle.root_from_proof(leaves[index], index=index, size=size, proof=proof) == merkle.root(
            leaves
        )


def test_a_row_is_found_where_its_leaf_lies() -> None:
    ids = {"audit_a": [3, 5, 2**40], "audit_b": [1, 4]}
    column = packed(Leaf(table, row_id, bytes(32)) for table, rows in ids.items() for row_id in rows)
    found = {section.table: section for section in sections(column)}
    assert [found["audit_a"].index_of(row_id) for row_id in (2, 3, 4, 5, 2**40, 2**41)] == [
        None, 0, None, 1, 2, None,
    ]  # fmt: skip
    assert [found["audit_b"].index_of(row_id) for row_id in (0, 1, 4, 9)] == [None, 3, 4, None]
    assert (found["audit_a"].range, found["audit_b"].range) == ((3, 2**40), (1, 4))


def test_leaves_that_are_cut_off_are_broken() -> None:
    column = packed([Leaf("audit_a", 1, bytes(32))])
    for end in range(1, len(column)):
        with pytest.raises(BrokenLeavesError):
            sections(column[:end])
    assert sections(b"") == []

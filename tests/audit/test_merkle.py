"""audit/sealing/merkle.py against the definitions of RFC 9162 section 2.1, taken literally; audit/sealing/leaves.py."""

from collections.abc import Sequence
from hashlib import sha256

import hypothesis
import hypothesis.strategies as st
import pytest

from audit.sealing import merkle
from audit.sealing.leaves import BrokenLeavesError, Leaf, last_ids, packed, unpacked

HASHES = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def literal_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of the section, over leaves that are hashed already."""
    if len(leaves) == 1:
        return leaves[0]
    middle = split(len(leaves))
    return sha256(b"\x01" + literal_root(leaves[:middle]) + literal_root(leaves[middle:])).digest()


def literal_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    middle = split(len(leaves))
    if index < middle:
        return [*literal_path(index, leaves[:middle]), literal_root(leaves[middle:])]
    return [*literal_path(index - middle, leaves[middle:]), literal_root(leaves[:middle])]


def split(size: int) -> int:
    """The largest power of two smaller than the size."""
    return 1 << ((size - 1).bit_length() - 1)


@pytest.mark.spec("RFC 9162", "2.1.1")
@hypothesis.given(HASHES)
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == literal_root(leaves)


@pytest.mark.spec("RFC 9162", "2.1.1")
def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == sha256(b"").digest()
    assert merkle.leaf_hash(b"row") == sha256(b"\x00row").digest()


@pytest.mark.spec("RFC 9162", "2.1.3")
@hypothesis.given(HASHES, st.data())
def test_a_proof_leads_to_the_root_from_its_own_place_alone(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.inclusion_proof(leaves, index)
    size, root = len(leaves), merkle.root(leaves)
    assert proof == literal_path(index, leaves)
    assert merkle.root_from_proof(leaves[index], index=index, size=size, proof=proof) == root
    assert merkle.root_from_proof(bytes(32), index=index, size=size, proof=proof) != root or not any(
        leaves[index]
    )
    assert merkle.root_from_proof(leaves[index], index=size, size=size, proof=proof) is None
    assert merkle.root_from_proof(leaves[index], index=index, size=size, proof=[*proof, root]) is None


LEAVES = st.lists(
    st.builds(
        Leaf, st.sampled_from(["a", "audit_issuanceevent", "b"]), st.integers(0, 2**64 - 1),
        st.binary(min_size=32, max_size=32),
    )
)  # fmt: skip


@hypothesis.given(LEAVES)
def test_leaves_come_out_of_their_column_in_order(leaves: list[Leaf]) -> None:
    column = packed(leaves)
    assert unpacked(column) == sorted(leaves)
    assert last_ids(column) == {leaf.table: leaf.id for leaf in sorted(leaves)}


@hypothesis.given(LEAVES.filter(bool), st.data())
def test_a_column_that_is_cut_is_reported(leaves: list[Leaf], data: st.DataObject) -> None:
    column = packed(leaves)
    cut = data.draw(st.integers(1, len(column) - 1))
    try:
        left = unpacked(column[:cut])
    except BrokenLeavesError:
        return
    assert left == sorted(leaves)[: len(left)], "a cut between two tables"

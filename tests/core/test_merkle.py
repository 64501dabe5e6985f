"""Merkle trees: the roots that Certificate Transparency's own tests have, and proofs held against the definition."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_eval.core.merkle import Growing, consistency, leaf, node, path, root, root_of_path, subtrees

#: Inputs and roots of the first 1 … 8 of them, as the tests of Certificate Transparency's implementations have them.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(n: int) -> list[bytes]:
    return [leaf(f"record {i}".encode()) for i in range(n)]


def by_definition(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    split = 1
    while 2 * split < len(hashes):
        split *= 2
    return node(by_definition(hashes[:split]), by_definition(hashes[split:]))


@pytest.mark.parametrize("n", range(1, 9))
def test_known_roots(n: int) -> None:
    assert root([leaf(bytes.fromhex(one)) for one in INPUTS[:n]]).hex() == ROOTS[n - 1]


@pytest.mark.parametrize("n", [*range(35), 255, 256, 257, 1000])
def test_roots_and_subtrees_are_those_of_the_definition(n: int) -> None:
    assert root(leaves(n)) == by_definition(leaves(n))
    tree = Growing()
    for one in leaves(n):
        tree.add(one)
    assert tree.root == root(leaves(n))
    for size in (1, 2, 8, 256):
        assert root(subtrees(leaves(n), size)) == by_definition(leaves(n))


@pytest.mark.parametrize("n", range(1, 35))
def test_every_path_leads_to_the_root_and_no_other_leaf_place_or_size_does(n: int) -> None:
    whole = leaves(n)
    for index in range(n):
        way = path(whole, index)
        assert root_of_path(whole[index], index, n, way) == root(whole)
        assert root_of_path(leaf(b"another"), index, n, way) != root(whole)
        for other in set(range(n)) - {index}:
            assert root_of_path(whole[index], other, n, way) != root(whole)
        assert root_of_path(whole[index], index, n, [*way, way[0] if way else leaf(b"x")]) != root(whole)
        assert not way or root_of_path(whole[index], index, n, way[:-1]) != root(whole)
    assert root_of_path(whole[0], n, n, []) is None


@given(st.integers(1, 700), st.data())
def test_a_path_by_subtrees_is_the_path_by_leaves(n: int, data: st.DataObject) -> None:
    index, size = data.draw(st.integers(0, n - 1)), data.draw(st.sampled_from([2, 16, 256]))
    whole, first = leaves(n), index // size * size
    within = path(whole[first : first + size], index - first)
    assert [*within, *path(subtrees(whole, size), index // size)] == path(whole, index)


@pytest.mark.parametrize("n", range(1, 20))
def test_consistency_is_that_of_the_rfc(n: int) -> None:
    """Lengths of proofs, and the example of RFC 6962, 2.1.3, of seven leaves."""
    whole = leaves(n)
    assert consistency(whole, n) == []
    if n == 7:
        a, b, c, d, e, f, j = whole
        g, h, i = node(a, b), node(c, d), node(e, f)
        k, last = node(g, h), node(i, j)
        assert consistency(whole, 3) == [c, d, g, last]
        assert consistency(whole, 4) == [last]
        assert consistency(whole, 6) == [i, j, k]

"""Exact SHAP values of a booster's trees, by tables: what LightGBM's `pred_contrib` says, sooner.

The share of a feature in a leaf depends on which of the features on the leaf's path a row
satisfies, and on nothing else of the row: with the few features of a path all answers fit into a
table, worked out once when the model is loaded (Yang 2021, "Fast TreeSHAP", version 2, of the
path-dependent values of Lundberg et al. 2020). A row then costs a walk and the looking up.

Which way a row goes is LightGBM's rule to the bit, so that margins are its own too (`Tree` in
LightGBM's tree.h). Each row's sums have one order, whatever other rows there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import InputError
from features.compiling import called
from serving.booster import THREADS

if TYPE_CHECKING:
    from lightgbm import Booster

MOST_ENTRIES = 1 << 24
"""Numbers in the tables of one booster: 128 MB. Deep trees need more; LightGBM then answers."""
MOST_FEATURES_OF_A_PATH = 12
_SHARED_FROM = 256
"""Rows from which on two threads share them."""
_ROWS_AT_A_TIME = 64
"""As many rows meet a tree while its tables are near."""

_DEFAULT_LEFT = 2
_NODE = 8
_ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2
_ZERO = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold: what is not farther from 0 is 0."""


class _Nodes(NamedTuple):
    """Inner nodes, the trees one after the other: tree t's are first[t]:first[t + 1]. A child is a
    place in the tree, or ~leaf."""

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing: np.ndarray
    default_left: np.ndarray
    left: np.ndarray
    right: np.ndarray


class _Leaves(NamedTuple):
    """Leaves, the trees one after the other: tree t's are first[t]:first[t + 1].

    Leaf l's path is edge[place[l, 0]:place[l + 1, 0]], each a node of the tree (from the bit
    _NODE on), which of the path's different features it asks (the bits from 1 on) and whether it is
    left by its left side (bit 0). Those are features[place[l, 1]:place[l + 1, 1]];
    table[place[l, 2] + pattern · n + f] is the share of the f-th of n, where `pattern` has the bits
    of the features that the row satisfies.
    """

    first: np.ndarray
    value: np.ndarray
    place: np.ndarray
    edge: np.ndarray
    features: np.ndarray
    table: np.ndarray


@dataclass(frozen=True, eq=False)
class TreeShares:
    """The trees of a booster with their tables. `base` is what is expected of nobody known."""

    columns: int
    base: float
    nodes: _Nodes
    leaves: _Leaves

    @classmethod
    def of(cls, booster: Booster) -> TreeShares | None:
        """The trees of a booster as it predicts; None where they are not of the kind that fits
        into tables here (categories, linear leaves, several classes, averages, deep paths)."""
        return cls.read(booster.model_to_string())

    @classmethod
    def read(cls, text: str) -> TreeShares | None:
        """The same of LightGBM's own text."""
        header, *told = text.split("\nTree=")
        about = _settings(header)
        if about.get("num_tree_per_iteration") != "1" or "average_output" in header.split("\n"):
            return None
        columns = int(about["max_feature_idx"]) + 1
        return _built(columns, [_settings(tree.partition("\n\n")[0]) for tree in told])

    def margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """The raw score of each row: float64[rows], LightGBM's to the bit."""
        X, out = self._rows(X), np.zeros(len(X))
        _each_part(len(X), lambda part: _add_leaves(X[part], out[part], self.nodes, self.leaves))
        return out

    def contributions(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64[rows, features + 1]: the share of each feature in the raw score, then `base`."""
        X, out = self._rows(X), np.zeros((len(X), self.columns + 1))
        out[:, -1] = self.base
        _each_part(len(X), lambda part: _add_shares(X[part], out[part], self.nodes, self.leaves))
        return out

    def _rows(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows as compiled code knows them: of one kind, whatever they were made of."""
        if X.ndim != 2 or X.shape[1] != self.columns:
            raise InputError(f"The trees ask {self.columns} columns, and the rows have others.")
        rows = np.ascontiguousarray(X, np.float32).view()
        rows.setflags(write=False)
        return rows


def _each_part(rows: int, work: Callable[[slice], None]) -> None:
    if rows < _SHARED_FROM:
        work(slice(0, rows))
        return
    half = rows // 2
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, (slice(0, half), slice(half, rows))))


def _settings(lines: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines.split("\n") if "=" in line)


def _numbers(text: str, kind: type) -> np.ndarray:
    return np.array(text.split(), kind)


def _built(columns: int, trees: Sequence[Mapping[str, str]]) -> TreeShares | None:
    growing = _Growing()
    fits = all(map(growing.add, trees))
    return growing.grown(columns) if fits else None


class _Growing:
    """Nodes, leaves and paths, while they are read tree by tree."""

    def __init__(self) -> None:
        self.nodes: list[tuple[np.ndarray, ...]] = []
        self.first_node, self.first_leaf = [0], [0]
        self.value: list[float] = []
        self.first_edge: list[int] = [0]
        self.edges: list[int] = []
        self.first_feature: list[int] = [0]
        self.features: list[int] = []
        self.fractions: list[float] = []
        self.first_entry: list[int] = [0]
        self.base = 0.0

    def add(self, told: Mapping[str, str]) -> bool:
        """Whether the tree fits into tables."""
        if told.get("num_cat", "0") != "0" or told.get("is_linear", "0") != "0":
            return False
        values = _numbers(told["leaf_value"], float).tolist()
        self.value += values
        self.first_leaf.append(len(self.value))
        if len(values) == 1:  # it says the same of everybody
            self.base += values[0]
            self._end_leaf({}, 0)
            self.first_node.append(self.first_node[-1])
            return True
        decision = _numbers(told["decision_type"], int)
        left, right = (_numbers(told[f"{side}_child"], int) for side in ("left", "right"))
        feature = _numbers(told["split_feature"], int)
        self.nodes.append((
            feature, _numbers(told["threshold"], float), decision >> 2 & 3,
            decision & _DEFAULT_LEFT != 0, left, right,
        ))  # fmt: skip
        self.first_node.append(self.first_node[-1] + len(feature))
        of_leaf = _numbers(told["leaf_count"], int).tolist()
        of_node = _numbers(told["internal_count"], int).tolist()
        if min(*of_leaf, *of_node) <= 0:  # nothing tells which part of the rows goes where
            return False
        self.base += sum(n / of_node[0] * v for n, v in zip(of_leaf, values, strict=True))
        paths = _paths(left.tolist(), right.tolist())
        asked = feature.tolist()
        for leaf in range(len(values)):
            bits: dict[int, int] = {}
            fraction: list[float] = []
            path = paths[leaf]
            for place, (node, is_left) in enumerate(path):
                after = path[place + 1][0] if place + 1 < len(path) else None
                share = (of_leaf[leaf] if after is None else of_node[after]) / of_node[node]
                bit = bits.setdefault(asked[node], len(bits))
                if bit == len(fraction):
                    fraction.append(share)
                else:
                    fraction[bit] *= share
                self.edges.append(node << _NODE | bit << 1 | is_left)
            if len(bits) > MOST_FEATURES_OF_A_PATH:
                return False
            self.fractions += fraction
            self._end_leaf(bits, len(bits) << len(bits))
        return self.first_entry[-1] <= MOST_ENTRIES

    def _end_leaf(self, bits: Mapping[int, int], entries: int) -> None:
        self.features += bits
        self.first_edge.append(len(self.edges))
        self.first_feature.append(len(self.features))
        self.first_entry.append(self.first_entry[-1] + entries)

    def grown(self, columns: int) -> TreeShares:
        told = zip(*self.nodes, strict=True) if self.nodes else [[np.empty(0)]] * 6
        feature, threshold, missing, default_left, left, right = map(np.concatenate, told)
        nodes = _Nodes(
            np.array(self.first_node, np.int64), feature.astype(np.int32),
            threshold.astype(np.float64), missing.astype(np.int8), default_left.astype(np.bool_),
            left.astype(np.int32), right.astype(np.int32),
        )  # fmt: skip
        place = np.array([self.first_edge, self.first_feature, self.first_entry], np.int32)
        leaves = _Leaves(
            np.array(self.first_leaf, np.int64), np.array(self.value, np.float64),
            np.ascontiguousarray(place.T), np.array(self.edges, np.int32),
            np.array(self.features, np.int32), np.empty(self.first_entry[-1]),
        )  # fmt: skip
        _fill(leaves, np.array(self.fractions, np.float64))
        return TreeShares(columns, self.base, nodes, leaves)


def _paths(left: Sequence[int], right: Sequence[int]) -> dict[int, list[tuple[int, bool]]]:
    """The way to each leaf: the nodes from the root on, and whether each is left by its left."""
    paths: dict[int, list[tuple[int, bool]]] = {}
    waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        for child, is_left in ((left[node], True), (right[node], False)):
            way = [*path, (node, is_left)]
            if child < 0:
                paths[~child] = way
            else:
                waiting.append((child, way))
    return paths


@called
def _fill(leaves, fractions):
    """Works out the tables. `fractions[k]`: which part of the training rows that met the questions
    of a leaf about its feature k would have gone on to it, whatever they said of the feature.

    Of a leaf of n features, feature f's share with the others' set S known before it is weighed by
    |S|! (n − |S| − 1)! / n!. `ways[m]` sums over the sets of m of the satisfied others what part
    of the rows reaches the leaf where these are known.
    """
    weight = np.empty(MOST_FEATURES_OF_A_PATH)
    ways = np.empty(MOST_FEATURES_OF_A_PATH + 1)
    for leaf in range(len(leaves.value)):
        begin = leaves.place[leaf, 1]
        n = leaves.place[leaf + 1, 1] - begin
        if n == 0:
            continue
        weight[0] = 1.0 / n
        for m in range(1, n):  # m! (n − m − 1)! / n!
            weight[m] = weight[m - 1] * m / (n - m)
        for pattern in range(1 << n):
            entry = leaves.place[leaf, 2] + pattern * n
            for f in range(n):
                ways[0] = 1.0
                size = 0
                for j in range(n):
                    if j == f:
                        continue
                    part = fractions[begin + j]
                    if pattern >> j & 1:
                        ways[size + 1] = ways[size]
                        for m in range(size, 0, -1):
                            ways[m] = ways[m] * part + ways[m - 1]
                        ways[0] *= part
                        size += 1
                    else:
                        for m in range(size + 1):
                            ways[m] *= part
                total = 0.0
                for m in range(size + 1):
                    total += weight[m] * ways[m]
                gained = np.float64(pattern >> f & 1) - fractions[begin + f]
                leaves.table[entry + f] = leaves.value[leaf] * gained * total


@called
def _goes_left(nodes, node, x):
    value = np.float64(x)
    missing = nodes.missing[node]
    if np.isnan(value):
        if missing == _NAN_IS_MISSING:
            return nodes.default_left[node]
        value = 0.0
    elif -_ZERO <= value <= _ZERO:
        value = 0.0
    if value == 0.0 and missing == _ZERO_IS_MISSING:
        return nodes.default_left[node]
    return value <= nodes.threshold[node]


@called
def _add_leaves(X, out, nodes, leaves):
    """Adds the value of the leaf that each row falls into, tree after tree."""
    for row in range(len(X)):
        total = 0.0
        for tree in range(len(leaves.first) - 1):
            first = nodes.first[tree]
            leaf = 0
            if first < nodes.first[tree + 1]:
                node = np.int64(0)
                while node >= 0:
                    at = first + node
                    goes_left = _goes_left(nodes, at, X[row, nodes.feature[at]])
                    node = np.int64(nodes.left[at] if goes_left else nodes.right[at])
                leaf = ~node
            total += leaves.value[leaves.first[tree] + leaf]
        out[row] = total


@called
def _add_shares(X, out, nodes, leaves):
    """Adds each leaf's shares, tree after tree and leaf after leaf."""
    most = 0
    for tree in range(len(leaves.first) - 1):
        most = max(most, nodes.first[tree + 1] - nodes.first[tree])
    goes_left = np.empty(most, np.int64)
    for begin in range(0, len(X), _ROWS_AT_A_TIME):
        end = min(begin + _ROWS_AT_A_TIME, len(X))
        for tree in range(len(leaves.first) - 1):
            first = nodes.first[tree]
            count = nodes.first[tree + 1] - first
            if count == 0:
                continue
            for row in range(begin, end):
                for node in range(count):
                    at = first + node
                    goes_left[node] = _goes_left(nodes, at, X[row, nodes.feature[at]])
                for leaf in range(leaves.first[tree], leaves.first[tree + 1]):
                    lacking = np.int64(0)
                    for e in range(leaves.place[leaf, 0], leaves.place[leaf + 1, 0]):
                        edge = np.int64(leaves.edge[e])
                        lacking |= (goes_left[edge >> _NODE] ^ (edge & 1)) << (edge >> 1 & 127)
                    begin_of = np.int64(leaves.place[leaf, 1])
                    n = leaves.place[leaf + 1, 1] - begin_of
                    entry = leaves.place[leaf, 2] + (((np.int64(1) << n) - 1) ^ lacking) * n
                    for f in range(n):
                        out[row, leaves.features[begin_of + f]] += leaves.table[entry + f]

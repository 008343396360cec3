"""Randomness that depends on (seed, person, stream) alone: never on threads, chunks or others.

The generator is SplitMix64 (Steele, Lea, Flood 2014): a counter, hashed. The scalar functions
serve the compiled steps, the array functions the writing of tables.
"""

from __future__ import annotations

import numpy as np

from .state import compiled

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 2.0**-53


@compiled
def mixed(z):
    """The SplitMix64 finaliser of one uint64."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@compiled
def begin(R, k, seed, member, stream):
    """Set stream ``k`` of ``R`` to the start of (seed, member, stream)."""
    z = mixed(np.uint64(seed) + _GAMMA)
    z = mixed(z ^ (np.uint64(member) * _MIX_1 + _GAMMA))
    R[k] = mixed(z ^ (np.uint64(stream) * _MIX_2 + _GAMMA))


@compiled
def uniform(R, k):
    """The next number in [0, 1) of stream ``k``."""
    R[k] += _GAMMA
    return np.float64(mixed(R[k]) >> _S11) * _TO_UNIT


@compiled
def normal(R, k):
    """The next standard normal number of stream ``k`` (Box and Muller, one of the two kept)."""
    u = uniform(R, k)
    v = uniform(R, k)
    return np.sqrt(-2.0 * np.log(1.0 - u)) * np.cos(6.283185307179586 * v)


@compiled
def exponential(R, k):
    """The next number of a standard exponential distribution."""
    return -np.log(1.0 - uniform(R, k))


@compiled
def poisson(R, k, mean):
    """A Poisson count, at most 12; ``mean`` is small."""
    u = uniform(R, k)
    p = np.exp(-mean)
    total = p
    n = 0
    while u > total and n < 12:
        n += 1
        p *= mean / n
        total += p
    return n


def _mixed_array(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


def uniform_of(seed: int, purpose: int, *keys: np.ndarray) -> np.ndarray:
    """One number in [0, 1) for each row, from the seed, a purpose and the row's integer keys."""
    z = np.uint64((seed * 1_000_003 + purpose) % 2**64)
    out = _mixed_array(np.full(len(keys[0]), z) + _GAMMA)
    for key in keys:
        out = _mixed_array(out ^ (key.astype(np.uint64) * _MIX_1 + _GAMMA))
    return (out >> _S11).astype(np.float64) * _TO_UNIT

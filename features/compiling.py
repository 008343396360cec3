"""How the loops are compiled, and which of them are kept on disk."""

from __future__ import annotations

from numba import njit

# Called from Python, and never from C.
called = njit(cache=True, nogil=True, no_cfunc_wrapper=True)  # pyright: ignore[reportCallIssue]

# Called by compiled code alone: what Python and C would call it by took a quarter of the time to
# compile. Not kept by itself: Numba would link what it kept of one file into the next compile,
# though a constant or a loop of another file that is compiled into it has changed. Without Numba's
# counting of references, because nothing of these keeps or makes an array, and counting those that
# are handed over took a quarter of the time to run.
compiled = njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # pyright: ignore[reportCallIssue]

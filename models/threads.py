"""Capping the threads of OpenMP and BLAS at the cores that GoLive was given."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def capped(threads: int) -> Generator[None]:
    """Let numeric libraries of this process use at most `threads` threads meanwhile.

    scikit-learn's gradient boosting takes all cores of the machine otherwise, whatever else runs.
    It is imported first, since only libraries that are loaded can be told.
    """
    import sklearn.ensemble  # noqa: F401  # pyright: ignore[reportUnusedImport] - loads OpenMP
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        yield

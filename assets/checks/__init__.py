"""One file a suite: what must hold for the rows that a run just wrote to one core table.

A file has one constant SUITE. It holds data, not Great Expectations objects, so that finding the
suites costs nothing; `assets.expectations` evaluates them.
"""

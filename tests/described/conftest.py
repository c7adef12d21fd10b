"""Descriptions, what our sources and actions ask, and Prism; each made once."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [
    str(TESTS / place)
    for place in ("described", "ingest", "ingest/contract", "ingest/github", "actions")
]

"""Jira on an own server: the world of `jira.py` with a search by number instead of tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from contract_stage import module

jira = module(Path(__file__).with_name("jira.py"))


@dataclass
class World(jira.World):
    """Answers as Data Center does."""

    deployment: str = "DataCenter"


CASE = replace(jira.CASE, world=World, secret={"token": "env:CONTRACT_TOKEN"})

"""Finds assets that other parts define for themselves: those of `assets.predictions`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

import dagster as dg


def predictions(package: str = "assets.predictions") -> Sequence[dg.AssetsDefinition]:
    """Return the assets of all modules of the package; none where it is not installed."""
    if importlib.util.find_spec(package) is None:
        return ()
    found = dg.load_assets_from_package_module(importlib.import_module(package))
    return [one for one in found if isinstance(one, dg.AssetsDefinition)]

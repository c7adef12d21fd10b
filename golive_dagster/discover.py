"""Finds assets that other parts define for themselves: those of `assets/predictions.py`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

import dagster as dg


def predictions(module: str = "assets.predictions") -> Sequence[dg.AssetsDefinition]:
    """Return the assets of the module; none where it is not installed."""
    if importlib.util.find_spec(module) is None:
        return ()
    found = dg.load_assets_from_modules([importlib.import_module(module)])
    return [one for one in found if isinstance(one, dg.AssetsDefinition)]

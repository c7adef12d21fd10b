"""Visual comparison: pictures of a page against the ones that people approved.

`check` compares and keeps the evidence; docs/visual.md tells how it decides.
"""

from golive_runner.visual.check import Place, check

__all__ = ["Place", "check"]

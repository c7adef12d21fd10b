"""Run browser and REST tests. Filled by its own issue."""

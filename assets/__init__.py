"""Dagster assets and the loading code that they and the command line share."""

"""Failures: what goes wrong, grouped."""

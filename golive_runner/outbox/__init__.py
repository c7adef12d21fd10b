"""Attempts that wait for a gateway on disk, and the process that hands them in."""

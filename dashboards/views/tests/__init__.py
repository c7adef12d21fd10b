"""Pages of the section Tests."""

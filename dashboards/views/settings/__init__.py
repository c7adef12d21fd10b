"""Pages of the section Settings."""

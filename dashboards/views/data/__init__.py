"""Pages of the section Data."""

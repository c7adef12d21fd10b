"""Pages of the section Code."""

"""Pages of the section Today."""

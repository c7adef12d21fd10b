"""Pages of the section Monitoring."""

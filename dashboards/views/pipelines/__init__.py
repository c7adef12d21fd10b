"""Pages of the section Pipelines."""

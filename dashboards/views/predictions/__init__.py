"""Pages of the section Predictions."""

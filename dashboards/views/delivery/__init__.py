"""Pages of the section Delivery."""

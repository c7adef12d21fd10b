"""The golive command, one file a command group; imports lazily."""

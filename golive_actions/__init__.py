"""Change the world: one file a target, each an audited perform(action). Filled by its own issue."""

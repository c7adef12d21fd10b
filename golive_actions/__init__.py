"""Change the world: one file a target; `action.perform` is the one way, audited and once."""

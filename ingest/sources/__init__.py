"""One file a source; the registry finds it."""

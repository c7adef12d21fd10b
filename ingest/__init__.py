"""Read the world: sources and parsers. Yields payloads and frames; never touches the lake."""

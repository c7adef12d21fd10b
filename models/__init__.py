"""Learn from frames: polars in, numbers out. Never touches the lake."""

"""Pure parsers: bytes in, polars frames out."""

"""One file a page, in a folder a section."""

"""One file a command: a function `command`, or an `app` of several. Imports lazily."""

"""The name under which pytest loads GoLive's plugin: `pytest -p golive`."""

pytest_plugins = ("golive_runner.pytest_plugin",)

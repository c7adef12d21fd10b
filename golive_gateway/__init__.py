"""The web process that takes webhooks and uploads and answers the API."""

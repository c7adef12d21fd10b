"""The ground floor: tables, lake, settings, errors, HTTP, logs. Imports no other part of GoLive."""

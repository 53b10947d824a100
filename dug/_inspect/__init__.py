"""Asks what a context or a file knows, without running anything."""

"""Tweaks, scenarios, contexts, and the context in force."""

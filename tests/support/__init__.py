"""Shared by several test files: random programs, an oracle of them, and ways to order threads and tasks."""

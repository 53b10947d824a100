"""Looks: queries about a context or a file that run nothing."""

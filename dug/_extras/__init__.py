"""Packages that dug can use and does not need."""

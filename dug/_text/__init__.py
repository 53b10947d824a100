"""Values and times as text for people."""

"""Values, times, frames and tables for people: as text, as HTML, in colours."""

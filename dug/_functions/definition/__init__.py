"""What a function is: what it reaches, as data and as text, and whether it still is what it was."""

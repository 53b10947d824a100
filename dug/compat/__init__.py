"""Other libraries' spellings of what dug does, one module each, for programs that change their import lines only."""

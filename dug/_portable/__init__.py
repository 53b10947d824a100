"""Takes nodes, tweaks and memos out of a process and into another one, whatever carries them."""

"""Executors, which run calls elsewhere: one file per backend, named after it; nothing of dug needs one."""

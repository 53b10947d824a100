"""Where nodes that were pickled before the engine had folders find the function that makes them again."""

from .facts.node import _load_node

__all__ = ["_load_node"]

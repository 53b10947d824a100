"""Writes values down so that they can be read again without running anything: `encode`, `decode` and `register`.

Plain Python data becomes typed JSON, numpy arrays ``.npy`` without pickle, pandas frames Arrow.  A value of a user's class is
written field by field once the class is registered, and read into the class registered under the same name there.  Nothing is
imported because a file names it, and nothing is guessed: a value without a codec is refused with the reason.
"""

from ..errors import CodecError
from ._classes import register
from ._values import Encoded, decode, encode, find_missing

__all__ = ["CodecError", "Encoded", "decode", "encode", "find_missing", "register"]

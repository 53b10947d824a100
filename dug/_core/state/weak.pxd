# How weak.py is compiled: as it stands, so that no interrupt strikes inside, where a finalizer would lose it.

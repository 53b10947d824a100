# How waits.py is compiled: as it stands.  That this file exists has it compiled.

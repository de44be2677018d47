"""The layouts of the store's files, a module each: what struct, offsets and numpy's columns of all others derive from.

What lives here: fields with their types, magics and fixed values. What does not: the fixed part of a record, which
clients decode too (`common/record_layout.py`), and what is done with the files. The entries of a DLedger log and of a
timerlog are read nowhere in this version and have no table; op messages of transactions are records.
"""

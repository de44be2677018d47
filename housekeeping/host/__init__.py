"""The settings of a host as a broker wants them: facts, items, drop-in files with an exact undo, sizes, measuring.

`scripts/os.sh` is the same for a host without Python; both read `housekeeping/host/catalogue.py`, the script as text
that `scripts/gen_host.py` writes into it.
"""

"""The known texts by subject; `mqadmin/explain/known_errors.py` has them all."""

"""Files of a store: access, mappings, rows of equal files, and the small ones."""

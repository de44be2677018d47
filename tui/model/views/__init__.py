"""The list screens, one module each: columns, and rows of a moment."""

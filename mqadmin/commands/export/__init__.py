"""Commands of Apache's family `export`, one module each."""

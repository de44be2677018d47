"""Commands of Apache's family `metadata`, one module each."""

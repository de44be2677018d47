"""Commands of Apache's family `stats`, one module each."""

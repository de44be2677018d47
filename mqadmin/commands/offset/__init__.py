"""Commands of Apache's family `offset`, one module each."""

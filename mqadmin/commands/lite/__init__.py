"""Commands of Apache's family `lite`, one module each."""

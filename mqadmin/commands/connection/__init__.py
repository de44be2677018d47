"""Commands of Apache's family `connection`, one module each."""

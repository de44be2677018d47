"""Commands of Apache's family `cluster`, one module each."""

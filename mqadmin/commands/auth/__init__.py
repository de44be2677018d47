"""Commands of Apache's family `auth`, one module each."""

"""Commands of Apache's family `namesrv`, one module each."""

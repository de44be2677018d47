"""Commands of Apache's family `acl`, one module each."""

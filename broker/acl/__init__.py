"""Access of 4.x: accounts in plain_acl.yml, with signatures, white lists, and permissions on topics and groups."""

"""Access of 5.x: users, and ACLs that say what each user may do with clusters, topics and groups."""

"""Access: requests are checked here before anything is acted on, by the ACLs of 4.x, the users of 5.x, or both."""

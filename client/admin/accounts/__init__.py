"""Who may do what: users, ACLs, accounts of brokers before 5.3.3."""

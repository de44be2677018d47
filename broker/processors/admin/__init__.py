"""The processors of administration (Apache's AdminBrokerProcessor), one module a subject."""

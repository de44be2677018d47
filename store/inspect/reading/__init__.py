"""Reading a store's files without a broker: files, records, derived columns, lookups."""

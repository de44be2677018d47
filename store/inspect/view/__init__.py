"""What a store holds, for people and programs: listings, records, statistics, SQL, differences."""

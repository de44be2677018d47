"""The history of a cluster: what each run of the prober saw, in one SQLite file, bounded in time and bytes."""

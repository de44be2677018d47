"""The commitlog: records, batches, and how they are written."""

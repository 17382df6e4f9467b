"""What every room stands on: database, clock, errors, audit, permissions, storage, jobs."""

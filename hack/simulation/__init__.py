"""A cluster's life under faults, in one event loop and in virtual time, the same for every seed."""

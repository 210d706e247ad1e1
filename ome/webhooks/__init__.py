"""Admission: what is wrong is said at the front door, what is right is completed there."""

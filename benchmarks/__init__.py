"""Measurements that stand in the documentation; run as modules from the top of the repository."""

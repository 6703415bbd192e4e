"""Judges that know what a workload does: what it must find, and what its anomalies are called."""

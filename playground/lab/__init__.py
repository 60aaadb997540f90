"""What goes wrong: each race and outage as an experiment, the naive version and ours under the same assertion.

An experiment runs in a process of its own, on a private pair of servers and a database file of its own; the
configured ones are never touched.
"""

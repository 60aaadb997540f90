"""How a trace is taken: what is covered while somebody watches, and what is noted."""

"""How a trace is taken: who is covered while somebody watches, and what is noted."""

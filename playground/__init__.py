"""To see each pattern think: traces, comparisons, experiments, measurements. Routed under OPEN_ACCESS only."""

"""Breaking things on purpose: a load that remembers what it was promised, faults, and a checker of the promises."""

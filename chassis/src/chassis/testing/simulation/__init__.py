"""A seeded scheduler with a virtual clock, in which processes crash at any await: see docs/simulation.md."""

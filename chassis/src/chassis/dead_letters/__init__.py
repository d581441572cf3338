"""What operators do with dead letters: see them, hand them over again, or let them be."""

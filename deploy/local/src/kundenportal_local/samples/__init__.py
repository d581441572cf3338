"""Sample data: invented customers and papers, handed over the way a billing system does it."""

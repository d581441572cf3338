"""Events said inside the transaction that makes them true, published afterwards by a relay."""

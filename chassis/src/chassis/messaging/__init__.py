"""Events in and out of Kafka: what arrives is handled in one transaction per batch and acknowledged after it."""

"""Small servers that run beside the pods of services: a prober, a queue proxy's metrics."""

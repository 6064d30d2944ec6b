"""A farm: many machines share the batches of a run through a broker, and what became of them through a database."""

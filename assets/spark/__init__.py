"""The marts on Apache Spark: the same SQL over the same files, on as many machines as there are."""

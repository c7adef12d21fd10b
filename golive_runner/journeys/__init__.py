"""Browser journeys: YAML documents, the steps they are made of, and the engine that runs them."""

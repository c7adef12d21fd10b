"""Records what a person does in a browser as a journey that people can read."""

"""REST checks: YAML documents that say what a server has to answer, run over httpx.

document  the words of a document, checked before anything is sent
fill      {names} and ${VARIABLES} in texts, and what of it is secret
matcher   one value held against what is expected of it
rows      the rows of a document: each is a test of its own
client    one exchange: bounded in time and size, kept to the hosts that the document names
evidence  what was sent and answered, masked, capped, in the artifact store
expect    an answer held against a step's expectations
engine    documents to attempts; `run` is what others call
openapi   the same for an OpenAPI description: each operation a test (schemathesis)
    description, case   what openapi reads and sends
"""

from golive_runner.rest.engine import Options, Suite, prepare, run

__all__ = ["Options", "Suite", "prepare", "run"]

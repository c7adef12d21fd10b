"""How a container registry is read; what its answers mean is in `ingest/parse/oci.py`.

tags    which tags stand for attestations, which are likely to move, which are asked about
state   what the cursor knows of the repositories
images  everything that is fetched about digests that are new
pull    one pull: repositories, tags, digests, payloads
"""

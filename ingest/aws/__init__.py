"""How AWS is read: the client, what its errors mean, and one module a stream.

What the answers mean is in `ingest/parse/aws.py`.
"""

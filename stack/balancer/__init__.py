"""The reference balancer: one Chroma v2 API in front of a primary and a replica, with a write-ahead log in PostgreSQL.

It follows five rules. The log is the truth; any failure of an instance moves on at once; nobody is served by an
instance that owes; a collection has one id for its clients; what cannot be logged is not attempted.
"""

VERSION = "1.0.0"

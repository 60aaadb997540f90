"""cachedemo beside what a Django developer would pick instead, and beside the article's own code on Node.

    make bench ARGS=peers

The peers are in a virtual environment of their own, for the project needs none of them. Each is a process of its own,
for some of them patch the ORM; all do the same work in turns (`works.py`), each set up as its own documents tell
(`adapters.py`), on rows, a SQLite file and a database of one cache server of their own.
"""

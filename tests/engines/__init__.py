"""`make engines`: the same sources, built by three engines, must say the same.

- ``build``        how each engine is called
- ``finishing``    what the hook does after MkDocs, done after Zensical
- ``content``      what a built site says, kind by kind
- ``differences``  what differs, and which differences are allowed, each with its reason
"""

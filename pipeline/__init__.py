"""Joins what is run and what is read. The rooms, in the way of the data; each knows only those before it:

- ``run``     snippets -> outputs in ``docs/generated/``
- ``write``   outputs and page sources -> plain Markdown
- ``markup``  Markdown -> HTML, as far as it is ours: one extension of Python-Markdown
- ``finish``  HTML -> site
- ``mkdocs_hook``  how MkDocs calls them: the only file that knows it

``problem`` is what the person at the keyboard is told when something is wrong.
"""

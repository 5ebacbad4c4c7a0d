"""Writes each page as plain Markdown: numbers, claims, figures, citations and code in place. Knows nothing of MkDocs or HTML."""

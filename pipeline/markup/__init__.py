"""What we mark in a page when its Markdown becomes HTML: one extension of Python-Markdown, for any engine that runs those."""

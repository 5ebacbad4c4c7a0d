"""Runs the snippets, keeps what came out, and hands it to the pages.

Data flows one way: ``snippets/`` -> runner -> ``docs/generated/`` -> pages -> site. The modules, in that order:

- ``snippet``    what is run: the scripts, their cells, and the key under which a run is remembered
- ``kernel``     runs one snippet as a notebook, in a process of its own
- ``motion``     an animation becomes one vector figure that moves
- ``generated``  what came out: one folder per concept, written here, read by the pages
- ``run``        runs what is stale, in parallel, and reports every failure
- ``series``     how a measured number reads in a sentence
- ``claims``     what a page states; ``verdicts`` whether it holds, on the numbers of the run
- ``parts``      the series: what each page says of itself, for the pages made of it
- ``references`` the bibliography, and what pages cite; ``glossary`` links the terms of the field
- ``pages``      the macros that pages use; ``check`` finds, before a page is rendered, what they would trip over
- ``mathml``     TeX in a finished page becomes MathML; ``lighten`` takes out what no reader needs,
  ``dress`` marks what the stylesheet needs, ``access`` mends what the theme leaves to mouse and eye
- ``machines``   what programs are told about a page; ``previews`` draws the image that stands for it
- ``search``     what the search finds; ``policy`` says what a page may load and run
- ``site``       one build, from run to finished site; ``hook`` is how MkDocs calls it

``problem`` is what the person at the keyboard is told when something is wrong.
"""

"""What becomes of a finished page: formulas are drawn, dead weight goes."""

from __future__ import annotations

from pipeline.finish import minify as lighten
from pipeline.write import mathml


def test_notebook_formulas_become_mathml_and_code_stays() -> None:
    cell = '<div class="jp-RenderedHTMLCommon jp-RenderedMarkdown jp-MarkdownOutput" data-mime-type="text/markdown">'
    page = rf"{cell}<p>$p$ and $$\frac{{a}}{{b}}$$ but <code>$HOME$</code>, and 3\$ or $5 each.</p></div><p>$x$</p>"
    html = mathml.in_notebook(page)
    assert html.count("<math") == 2
    assert "<code>$HOME$</code>" in html
    assert r"3\$ or $5 each" in html
    assert "<p>$x$</p>" in html  # outside of a text cell nothing is a formula


def test_a_notebook_page_sheds_styles_and_foreign_scripts() -> None:
    page = (
        "<style>.a {}</style><script>keep()</script><!-- Load mathjax --><script src=''></script>"
        '<!-- End of mathjax configuration --><script type="module">import("https://x/mermaid.js")</script>'
        "<p>text</p><style>['not css']</style>"
    )
    html, styles = lighten.notebook(page)
    assert html == "<script>keep()</script><p>text</p>"
    assert styles == ".a {}"

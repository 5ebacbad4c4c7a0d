"""What becomes of a finished page: formulas are drawn, dead weight goes."""

from __future__ import annotations

from pipeline.finish import minify as lighten
from pipeline.write import mathml


def test_article_formulas_become_mathml() -> None:
    page = r'<p>with <span class="arithmatex">\(a &lt; b\)</span>:</p><div class="arithmatex">\[\sum_k \cos w_k\]</div>'
    html = mathml.in_article(page)
    assert html.count("<math") == 2
    assert html.count('display="block"') == 1
    assert "&#x0003C;" in html  # the entity was read as the sign that it stands for
    assert "arithmatex" not in html


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


def test_code_keeps_its_text_and_its_highlights() -> None:
    html = '<span class="k">def</span><span class="w"> </span><span class="nf">f</span><span class="p">(</span>'
    assert lighten.code(html) == '<span class="k">def</span> <span class="nf">f</span>('


def test_code_that_is_drawn_alike_stands_in_one_span() -> None:
    html = '<span class="s2">"a</span><span class="si">{</span>b<span class="si">}</span><span class="s2">c"</span>'
    assert lighten.code(html) == '<span class="s">"a{</span>b<span class="s">}c"</span>'

"""What must be true of an open page. Each guard returns what it found wrong, as text; nothing found, nothing wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

from tests.browser.visit import settle

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LEGIBLE = 4.5  # contrast of text, whatever its size
MOMENT = 0.02  # seconds: what lasts no longer does not move
MOST_STOPS = 1000  # of the Tab key on one page


def axe(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice."""
    if page.evaluate("() => typeof axe") == "undefined":
        page.evaluate(AXE)
    settle(page)
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations'], selectors: false})", RULES
    )
    return [
        f"{violation['id']}: {node['html'][:160]} ({' '.join(node['failureSummary'].split())[:300]})"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def without_tokens(page: Page) -> None:
    """Leave code its text alone: its colours are the same on all pages, and take axe most of its time."""
    page.evaluate(
        "() => { for (const code of document.querySelectorAll('pre > code, .highlight-ipynb > pre')) code.textContent = code.textContent; }"
    )


def sideways(page: Page) -> list[str]:
    """A page wider than the window, and text that is cut off and cannot be scrolled to."""
    found: list[str] = page.evaluate(
        """() => {
            const root = document.documentElement, wrong = [];
            if (root.scrollWidth > root.clientWidth) wrong.push(`the page is ${root.scrollWidth} wide`);
            for (const cell of document.querySelectorAll("td, th"))
                if (cell.scrollWidth > cell.clientWidth + 1) wrong.push(`too wide for its cell: ${cell.innerText.slice(0, 60)}`);
            const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
            const range = document.createRange();
            for (let text; (text = texts.nextNode());) {
                const parent = text.parentElement;
                if (!text.data.trim() || !parent.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
                range.selectNodeContents(text);
                const {right, left, width} = range.getBoundingClientRect();
                if (width < 2) continue;
                let box = root.clientWidth, from = 0;
                for (let e = parent; e !== root; e = e.parentElement) {
                    const style = getComputedStyle(e), edges = e.getBoundingClientRect();
                    if (style.clipPath !== "none" || style.position === "fixed") { box = Infinity; from = -Infinity; break; }
                    if (["auto", "scroll"].includes(style.overflowX)) { box = Infinity; from = -Infinity; break; }
                    if (style.overflowX !== "visible") { box = Math.min(box, edges.right); from = Math.max(from, edges.left); }
                }
                if (right > box + 1 || left < from - 1) wrong.push(`cut off: ${text.data.trim().slice(0, 60)}`);
            }
            return wrong;
        }"""
    )
    return [f"at {page.viewport_size['width'] if page.viewport_size else '?'} px: {wrong}" for wrong in found]


def pictures(page: Page) -> list[str]:
    """Pictures that could not be drawn, and figures of which not exactly one scheme's picture is seen."""
    found: list[str] = page.evaluate(
        """() => {
            const seen = image => image.checkVisibility(), name = image => image.getAttribute("src");
            const scheme = document.body.dataset.mdColorScheme === "slate" ? "dark" : "light";
            const of = [...document.images].filter(seen);
            return [
                ...of.filter(image => !image.naturalWidth).map(image => `${name(image)} is not drawn`),
                ...of.filter(image => name(image).includes("#only-") && !name(image).endsWith(`#only-${scheme}`))
                    .map(image => `${name(image)} is seen in the ${scheme} scheme`),
                ...[...document.querySelectorAll("figure")].filter(f => f.checkVisibility() && f.querySelector("img"))
                    .filter(figure => [...figure.querySelectorAll("img")].filter(seen).length !== 1)
                    .map(figure => `figure ${figure.id}: not exactly one picture is seen`),
            ];
        }"""
    )
    return found


def jumps(page: Page) -> list[str]:
    """What has moved since the page was first drawn, without anyone having touched it."""
    page.evaluate(
        """() => {
            window.shifts = [];
            new PerformanceObserver(list => shifts.push(...list.getEntries())).observe({type: "layout-shift", buffered: true});
        }"""
    )
    settle(page)
    found: list[str] = page.evaluate(
        """() => {
            const name = node => node ? `${node.nodeName.toLowerCase()}.${node.className ?? ""}` : "something gone since";
            const length = document.documentElement.scrollHeight;
            return [
                // An image's place is a whole number of pixels, until it is there and says better.
                ...Math.abs(length - drawn) <= document.images.length ? [] : [`the page was ${drawn} long, and is ${length}`],
                ...shifts.filter(shift => !shift.hadRecentInput).flatMap(shift => shift.sources).map(source =>
                    `${name(source.node)} moved from ${source.previousRect.y} to ${source.currentRect.y}`),
            ];
        }"""
    )
    return found


def motion(page: Page) -> list[str]:
    """What moves although the reader has asked for no motion."""
    found: list[str] = page.evaluate(
        """limit => {
            const seconds = times => Math.max(...times.split(",").map(parseFloat));
            const wrong = new Set();
            for (const e of document.querySelectorAll("*")) {
                for (const part of [null, "::before", "::after"]) {
                    const style = getComputedStyle(e, part);
                    const moves = style.transitionProperty !== "none" && seconds(style.transitionDuration) > limit
                        || style.animationName !== "none" && seconds(style.animationDuration) > limit
                        || !part && style.scrollBehavior === "smooth";
                    if (moves) wrong.add(`${e.tagName.toLowerCase()}.${e.classList}${part ?? ""} moves`);
                }
            }
            return [...wrong];
        }""",
        MOMENT,
    )
    return found


# What a person can operate, and what it looks like: compared with and without the focus.
LOOKS = """
    window.label = e => (e.getAttribute("aria-label") || e.innerText || e.title || e.id || e.outerHTML).trim()
        .replace(/\\s+/g, " ").slice(0, 60);
    // A control that is not seen itself is seen as its label, or as the label of the choice that it offers next to it.
    window.face = e => {
        if (!e.matches("input, button") || e.checkVisibility({opacityProperty: true})) return e;
        return [e.nextElementSibling, ...e.labels].find(l => l?.matches("label") && seen(l)) ?? e;
    };
    window.look = e => [e, face(e), e.matches("[type=text]") && e.form, e.closest(".cards li")].filter(Boolean).map(f => {
        const s = getComputedStyle(f);
        const ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) ? s.outline : "";
        return [ring, s.boxShadow, s.backgroundColor, parseFloat(s.borderTopWidth) && s.borderColor, s.textDecorationLine, s.opacity].join();
    }).join();
    window.seen = e => {
        const box = e.getBoundingClientRect();
        return e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && box.width > 1 && box.height > 1
            && box.right > 0 && box.left < innerWidth;
    };
    null;  // else Playwright takes the last function for one to be called
"""


def keyboard(page: Page) -> list[str]:
    """Tab through the page: everything that can be operated is reached, is seen when it is, and shows that it is."""
    page.evaluate(LOOKS)
    page.evaluate(
        """() => {
            for (const details of document.querySelectorAll("details")) details.open = true;
            window.stops = [];
            document.activeElement.blur();
        }"""
    )
    wrong: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop: Any = page.evaluate(
            """async () => {
                const e = document.activeElement;
                if (e === document.body || stops.some(stop => stop.e === e)) return null;
                const f = face(e), state = {label: label(e)};
                for (let frame = 0; frame < 30; frame++) {  // what opens when it is reached may take a moment to be there
                    if (frame) await new Promise(requestAnimationFrame);
                    // The middle of what is in the window of it, or of its first line: between two lines others stand.
                    const box = f.getClientRects()[0] ?? f.getBoundingClientRect();
                    const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
                    const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
                    const inside = box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0;
                    const top = inside && document.elementFromPoint(x, y);
                    state.seen = seen(f) && inside;
                    state.covered = top && !f.contains(top) && !top.contains(f) && label(top);
                    if (state.seen && !state.covered) break;
                }
                stops.push({e, look: look(e)});
                return state;
            }"""
        )
        if stop is None:
            break
        if not stop["seen"]:
            wrong.append(f"the focus is out of sight on: {stop['label']}")
        elif stop["covered"]:
            wrong.append(f"the focus on {stop['label']!r} is covered by {stop['covered']!r}")
    rest: list[str] = page.evaluate(
        """() => {
            document.activeElement.blur();
            const wrong = stops.filter(stop => look(stop.e) === stop.look).map(stop => `no sign of focus on: ${label(stop.e)}`);
            const reached = new Set(stops.map(stop => stop.e));
            const all = "a[href], button, input, select, textarea, summary, [onclick], [role=button], [tabindex], label[for], clipboard-copy";
            for (const e of document.querySelectorAll(all)) {
                if (!seen(e) || e.disabled || reached.has(e) || e.matches("[tabindex='-1']")) continue;
                if (e.matches("label") && getComputedStyle(e).cursor !== "pointer") continue;  // a title, at this width
                if (e.matches("[for=__search]") && reached.has(document.querySelector(".md-search__input"))) continue;  // it opens
                // A label's work can be done at its control, or in the form that it belongs to.
                if (e.control && (reached.has(e.control) || [...e.form?.elements ?? []].some(x => reached.has(x)))) continue;
                if (e.matches("label") && reached.has(e.previousElementSibling)) continue;  // a button in its place
                if (e.matches("label") && e.closest("form") && [...e.closest("form").elements].some(x => reached.has(x))) continue;
                if (e.matches("input[type=radio]") && e.form && [...e.form.elements].some(x => x.name === e.name && reached.has(x))) continue;
                wrong.push(`not reached with the keyboard: ${label(e)}`);
            }
            return wrong;
        }"""
    )
    return wrong + rest


def figure_text(page: Page, sources: list[str]) -> list[str]:
    """Text in drawings with too little contrast to what lies behind it, on the ground of this page and scheme.

    Every piece of text is compared with the colour that is most frequent behind it, as drawn without any text."""
    ground, wrong = page.evaluate("() => getComputedStyle(document.body).backgroundColor"), []
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # which browsers want for a bare drawing
    for source in sources:
        page.goto(source)
        found: list[str] = page.evaluate(CONTRAST, {"ground": ground, "legible": LEGIBLE})
        wrong += [f"{source}: {text}" for text in found]
    return wrong


CONTRAST = """async ({ground, legible}) => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const contrast = (a, b) => {
        const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (light + 0.05) / (dark + 0.05);
    };
    const svg = document.documentElement, origin = svg.getBoundingClientRect();
    // matplotlib writes text as groups of glyphs, each drawn from the outline of a font: #DejaVuSans-30.
    const glyphs = [...svg.querySelectorAll("use")].filter(use => use.getAttribute("xlink:href")?.includes("-"));
    const texts = [...new Set(glyphs.map(use => use.parentElement))];
    const pieces = texts.map(text => {
        const ink = text.querySelector("use"), style = getComputedStyle(ink);
        let opacity = Number(style.fillOpacity);
        for (let e = ink; e !== svg; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
        const comment = [...text.parentElement.childNodes].find(node => node.nodeType === Node.COMMENT_NODE);
        return {said: comment?.textContent.trim() ?? text.id, box: text.getBoundingClientRect(), ink: numbers(style.fill), opacity};
    });
    for (const text of texts) text.remove();
    const image = new Image();
    image.src = "data:image/svg+xml," + encodeURIComponent(new XMLSerializer().serializeToString(svg));
    await image.decode();
    const canvas = new OffscreenCanvas(Math.ceil(origin.width), Math.ceil(origin.height));
    const draw = canvas.getContext("2d", {willReadFrequently: true});
    draw.fillStyle = ground;
    draw.fillRect(0, 0, canvas.width, canvas.height);
    draw.drawImage(image, 0, 0, origin.width, origin.height);
    const wrong = texts.length ? [] : ["no text was found: this guard saw nothing"];
    for (const {said, box, ink, opacity} of pieces) {
        if (box.width < 1 || box.height < 1) continue;
        const {data} = draw.getImageData(box.left - origin.left, box.top - origin.top, box.width, box.height);
        const count = new Map();
        for (let i = 0; i < data.length; i += 4) {
            const key = data.slice(i, i + 3).join();
            count.set(key, (count.get(key) ?? 0) + 1);
        }
        const behind = numbers([...count].sort((a, b) => b[1] - a[1])[0][0]);
        const seen = ink.slice(0, 3).map((c, i) => c * opacity + behind[i] * (1 - opacity));
        const ratio = contrast(seen, behind);
        if (ratio < legible) wrong.push(`${said} has a contrast of ${ratio.toFixed(2)}`);
    }
    return wrong;
}"""

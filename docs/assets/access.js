// Without this script every page can be read all the same.

// The theme takes single letters for commands: who dictates, or misses a field, would be led to another page.
addEventListener("keydown", key => {
  const writing = document.activeElement.matches("input[type=text], textarea");
  if (key.key === "k" && (key.ctrlKey || key.metaKey)) {
    document.querySelector(".md-search__input").focus();
    key.preventDefault();
  } else if (/^[^ ]$/.test(key.key) && !writing) key.stopImmediatePropagation();
}, true);

document$.subscribe(() => {  // after the theme's own scripts
  // The theme's button for the menu is a label, which no key reaches: beside it stands a button that does the same.
  const label = document.querySelector('.md-header__inner > label[for="__drawer"]');
  label.before(Object.assign(document.createElement("button"), { type: "button", ariaLabel: "Menu", onclick: () => label.click() }));

  // It puts a <nav> without a name around each copy button: that is no place to navigate to.
  for (const nav of document.querySelectorAll(".md-code__nav")) nav.role = "presentation";

  // What is wider than its place can be scrolled with the keyboard, in every browser.
  const scrollable = new ResizeObserver(entries => {
    for (const { target: box } of entries) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
  for (const box of document.querySelectorAll('math[display="block"], .table, .highlight-ipynb, .jp-OutputArea-output'))
    scrollable.observe(box);
});

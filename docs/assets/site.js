// Two comforts. Without this script the first is a download, and the second opens the figure's file.

// Copy the whole script: a link to download it becomes a button.
for (const link of document.querySelectorAll("a.copy")) {
  const bar = link.parentElement;
  const button = document.createElement("button");
  button.type = "button";
  button.className = link.className;
  button.append(...link.childNodes);
  button.addEventListener("click", async () => {
    const told = bar.querySelector("output") ?? bar.appendChild(document.createElement("output"));
    const text = fetch(link.href).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer)));
    const blob = text.then((code) => new Blob([code], { type: "text/plain" }));
    try {
      // A promise, for a browser lets a page write only in the moment of the click.
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      told.textContent = `Copied ${(await text).trimEnd().split("\n").length} lines`;
    } catch {
      told.textContent = "The clipboard is closed to this page: downloading instead";
      link.click();
    }
  });
  link.replaceWith(button);
}

// A figure, as large as the window; it closes by any click and by Escape, and the focus goes back to where it was.
document.addEventListener("click", (event) => {
  const figure = event.target.closest("a.large");
  if (!figure || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const dialog = document.createElement("dialog");
  dialog.className = "large";
  dialog.ariaLabel = "Figure";
  const button = document.createElement("button");
  button.textContent = "Close";
  dialog.append(button, ...[...figure.querySelectorAll("img")].map((image) => image.cloneNode()));
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
});

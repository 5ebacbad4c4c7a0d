// Plays an animation in place of its still, and stops it: a click on either, or Escape. Nothing moves, or is loaded, before.
(() => {
  let plays = 0;

  function turn(figure, playing) {
    const button = figure.querySelector("button");
    button.dataset.label ??= button.textContent;
    button.textContent = playing ? "Stop" : button.dataset.label;
    figure.classList.toggle("watch--playing", playing);
    for (const image of figure.querySelectorAll("img")) {
      image.dataset.still ??= image.getAttribute("src");
      // A new address each time: from its beginning, not from where it was stopped.
      const moving = image.dataset.still.replace(".still.", ".").replace("#", `?${plays}#`);
      image.setAttribute("src", playing ? moving : image.dataset.still);
    }
    plays += 1;
  }

  document.addEventListener("click", ({ target }) => {
    const figure = target.closest(".watch__screen")?.closest(".watch");
    if (figure && !target.closest("a")) turn(figure, !figure.classList.contains("watch--playing"));
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") document.querySelectorAll(".watch--playing").forEach((figure) => turn(figure, false));
  });
})();

// Explain: asks for a test of a site's connection, and shows its stages as they come.
import { ask } from "./actions.js";
import { StageList } from "./stages.js";

const panel = document.querySelector("[data-explained]");
const stages = panel && new StageList(panel);

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-explain]");
  if (!button || !stages || stages.busy) return;
  button.setAttribute("aria-disabled", "true");
  stages.begin(() => ask(button.dataset.explain, "POST"), () => document.querySelector("[data-explain]")?.removeAttribute("aria-disabled"));
});

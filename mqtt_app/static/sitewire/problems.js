// Decisions about problems: one for all sites that have the same cause.
import { ask } from "./actions.js";
import { soon } from "./refresh.js";

const DAY = 86_400_000; // ms

function decision(value, note) {
  if (value === "open" || value === "resolved") return { state: value, note };
  const days = Number(value);
  return { state: "ignored", note, ignored_until: days ? new Date(Date.now() + days * DAY).toISOString() : null };
}

async function decide(form, value) {
  const item = form.closest("[data-problems]");
  const said = form.querySelector("[data-said]");
  const ids = item.dataset.problems.split(",");
  const body = JSON.stringify(decision(value, form.elements.note.value));
  item.setAttribute("data-hold", "");
  try {
    for (const [number, id] of ids.entries()) {
      said.textContent = `${number + 1} of ${ids.length}…`;
      await ask(`/api/v1/mqtt/problems/${id}/`, "PATCH", body);
    }
    document.querySelector("[data-announce]").textContent = "Done.";
  } catch (error) {
    said.textContent = error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
    return;
  } finally {
    item.removeAttribute("data-hold");
  }
  soon();
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".decide")) return;
  event.preventDefault();
  decide(event.target, event.submitter?.value ?? "resolved");
});

// Many sites at once: tick boxes of the overview, and the operation that carries out what is asked for them.
import { ask } from "./actions.js";
import { soon } from "./refresh.js";

const ADDRESS = "/api/v1/mqtt/sites/bulk/";
const AGAIN = 700; // ms between two looks at the operation
const PARTICIPLES = { start: "asked to start", stop: "stopped", restart: "asked to restart" };
const OPPOSITES = { start: "stop", stop: "start" };
const OPEN = ["pending", "running"];

const bar = document.querySelector("[data-bulk]");
const boxes = () => [...document.querySelectorAll("[data-pick]")];
const picked = () => boxes().filter((box) => box.checked);
const said = bar?.querySelector("[data-said]");
let busy = false, last = null;

function show() {
  const count = picked().length;
  bar.hidden = !count && !said.textContent;
  bar.querySelector("[data-count]").textContent = count ? `${count} selected` : "";
  bar.querySelectorAll("[data-action]").forEach((button) => button.setAttribute("aria-disabled", String(busy || !count)));
  bar.querySelector("[data-undo]").hidden = busy || !last || !OPPOSITES[last.action];
  const all = document.querySelector("[data-pick-all]");
  if (!all) return;
  all.checked = count > 0 && count === boxes().length;
  all.indeterminate = count > 0 && count < boxes().length;
}

async function run(action, ids) {
  if (busy || !ids.length) return;
  busy = true;
  last = null;
  tell("Asked…");
  try {
    const answer = await ask(ADDRESS, "POST", JSON.stringify({ action, ids }));
    const operation = await follow(answer.headers.get("Location"));
    const failed = operation.state === "succeeded" ? "" : ` ${operation.error}`;
    tell(`${operation.progress.done} of ${operation.progress.total} sites ${PARTICIPLES[action]}.${failed}`);
    last = { action, ids };
    boxes().forEach((box) => (box.checked = false));
  } catch (error) {
    tell(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message);
  }
  busy = false;
  show();
  soon();
}

async function follow(address) {
  for (;;) {
    const operation = await (await ask(address, "GET")).json();
    if (!OPEN.includes(operation.state)) return operation;
    tell(`${operation.progress.done} of ${operation.progress.total}…`);
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

function tell(text) {
  said.textContent = text;
  show();
}

if (bar) {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick-all]")) boxes().forEach((box) => (box.checked = target.checked));
    if (target.matches("[data-pick], [data-pick-all]")) tell("");
  });
  bar.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    if (button.dataset.action) run(button.dataset.action, picked().map((box) => Number(box.value)));
    if (button.matches("[data-undo]") && last) run(OPPOSITES[last.action], last.ids);
    if (button.matches("[data-clear]")) {
      boxes().forEach((box) => (box.checked = false));
      last = null;
      tell("");
    }
  });
  document.addEventListener("page:fresh", show);
}

// Explain: asks for a test of a site's connection, and shows its stages as they come.
import { ask } from "./actions.js";

const STAGES = {
  settings: "Settings", "look-up": "Name look-up", tcp: "TCP", proxy: "Proxy", tls: "TLS", connect: "CONNECT", subscribe: "Subscriptions",
  message: "First message", parser: "Parser", flags: "Switches", row: "Stored",
};
const TONES = { ok: "ok", warning: "warn", failed: "bad", skipped: "off" };
const WORDS = { ok: "works", warning: "warning", failed: "failed", skipped: "not tried" };
const AGAIN = 1000; // ms between two looks, where no event says that there is something new

const panel = document.querySelector("[data-explained]");
let at = "", timer = 0, busy = false;

async function begin(button) {
  if (at) return;
  button.setAttribute("aria-disabled", "true");
  panel.hidden = false;
  say("Asked…", "wait");
  list([], true);
  panel.scrollIntoView({ block: "nearest" });
  try {
    at = (await ask(button.dataset.explain, "POST")).headers.get("Location");
    look();
  } catch (error) {
    over(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message, "bad");
  }
}

async function look() {
  clearTimeout(timer);
  if (!at || busy) return;
  busy = true;
  try {
    const answer = await fetch(at, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (answer.ok) show(await answer.json());
    else if (answer.status < 500) over(`The server answered ${answer.status}. Try again.`, "bad");
  } catch {
    // the network; the next look asks again
  } finally {
    busy = false;
    if (at) timer = setTimeout(look, AGAIN);
  }
}

function show(operation) {
  const runs = ["pending", "running"].includes(operation.state);
  const stages = operation.result.stages;
  list(stages, runs);
  if (runs) say(operation.state === "pending" ? "Waits for a worker…" : "Runs…", "wait");
  else if (operation.state === "succeeded") over("No stage failed.", "ok");
  else over(operation.error, "bad");
}

function over(text, tone) {
  at = "";
  clearTimeout(timer);
  say(text, tone);
  document.querySelector("[data-explain]")?.removeAttribute("aria-disabled");
  document.querySelector("[data-announce]").textContent = text;
}

function say(text, tone) {
  const place = panel.querySelector("[data-said]");
  place.className = `small tone-${tone}`;
  place.textContent = text;
}

function list(stages, runs) {
  const open = new Set([...panel.querySelectorAll("details[open]")].map((found) => found.dataset.stage));
  const next = runs ? [{ stage: upcoming(stages), verdict: "", summary: "…", evidence: [], remedy: "", seconds: 0 }] : [];
  panel.querySelector("ol").replaceChildren(...[...stages, ...next].map((stage) => line(stage, open)));
}

function upcoming(stages) {
  const names = Object.keys(STAGES);
  return names[names.indexOf(stages.at(-1)?.stage) + 1] ?? names.at(-1);
}

function line({ stage, verdict, summary, evidence, remedy, seconds }, open) {
  const row = document.createElement("li");
  row.className = `tone-${TONES[verdict] ?? "wait"}`;
  row.dataset.verdict = verdict || "running";
  const shape = panel.querySelector("template").content.cloneNode(true);
  const use = shape.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${TONES[verdict] ?? "wait"}`));
  const name = part("b", STAGES[stage] ?? stage);
  const word = part("span", WORDS[verdict] ?? "running");
  word.className = "sr";
  const time = part("span", seconds >= 0.001 ? `${seconds.toFixed(seconds < 1 ? 3 : 1)} s` : "");
  time.className = "muted num";
  row.append(shape, name, word, part("span", summary), time);
  if (remedy) {
    const what = part("p", remedy);
    what.className = "remedy";
    what.prepend(part("b", "What to do: "));
    row.append(what);
  }
  if (evidence.length) row.append(found(stage, evidence, open));
  return row;
}

function found(stage, evidence, open) {
  const details = document.createElement("details");
  details.dataset.stage = stage;
  details.open = open.has(stage);
  details.append(part("summary", "What was found"), part("pre", evidence.join("\n")));
  return details;
}

function part(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-explain]");
  if (button && panel) begin(button);
});
document.addEventListener("live:event", ({ detail }) => {
  if (detail.type === "operation" && at.includes(detail.id)) look();
});

// What arrives on a filter, newest first. It is asked for again while the page is looked at.
import { ask } from "./actions.js";

const RENEW = 5000; // ms
const MOST = 300; // lines that stay

const page = document.querySelector("[data-tail]");
const site = Number(page.dataset.id);
const field = page.querySelector("[data-filter]");
const said = page.querySelector("[data-said]");
const table = page.querySelector("[data-lines]");
const body = table.querySelector("tbody");
let filter = field.value, paused = false, shown = 0, more = 0, timer = 0;

async function renew() {
  clearTimeout(timer);
  if (!document.hidden && !paused) {
    try {
      await ask(`${page.dataset.tail}tail/?filter=${encodeURIComponent(filter)}`, "GET");
      if (!shown) said.textContent = "Waiting for a message…";
    } catch (error) {
      said.hidden = false;
      said.textContent = error instanceof TypeError ? "The server cannot be reached." : error.message;
    }
  }
  timer = setTimeout(renew, RENEW);
}

function take(event) {
  for (const message of event.messages) body.prepend(line(message));
  while (body.children.length > MOST) body.lastElementChild.remove();
  shown += event.messages.length;
  more += event.more;
  table.hidden = !body.children.length;
  said.hidden = !table.hidden;
  page.querySelector("[data-count]").textContent = shown;
  page.querySelector("[data-more]").textContent = more;
}

function line({ topic, at, size, retain, payload, outcome }) {
  const row = document.createElement("tr");
  const time = cell("", "Time");
  const when = document.createElement("time");
  const moment = new Date(at * 1000);
  when.dateTime = moment.toISOString();
  when.title = moment.toISOString();
  when.textContent = moment.toLocaleTimeString();
  time.append(when);
  const said = cell(payload, "Payload", "mono");
  if (size > payload.length) said.append(" …");
  const name = cell(topic, "Topic", "topic");
  if (retain) name.append(" (retained)");
  row.append(time, name, said, cell(outcome, "What became of it", outcome.startsWith("failed") ? "tone-bad" : ""));
  return row;
}

function cell(text, label, className = "") {
  const made = document.createElement("td");
  made.textContent = text;
  made.dataset.label = label;
  if (className) made.className = className;
  return made;
}

document.addEventListener("live:event", ({ detail }) => {
  if (detail.type === "tail" && detail.site_id === site && detail.filter === filter && !paused) take(detail);
});
document.addEventListener("visibilitychange", renew);
page.querySelector("[data-filter-form]").addEventListener("submit", (event) => {
  event.preventDefault();
  filter = field.value.trim() || "#";
  history.replaceState(null, "", `?filter=${encodeURIComponent(filter)}`);
  clear();
  renew();
});
page.querySelector("[data-pause]").addEventListener("click", ({ target }) => {
  paused = !paused;
  target.setAttribute("aria-pressed", paused);
  target.textContent = paused ? "Go on" : "Pause";
  renew();
});
page.querySelector("[data-clear]").addEventListener("click", clear);
page.addEventListener("click", async ({ target }) => {
  const minutes = target.dataset.capture;
  if (minutes === undefined) return;
  const place = page.querySelector("[data-captured]");
  try {
    const answer = await ask(`${page.dataset.tail}capture/`, "POST", JSON.stringify({ minutes: Number(minutes) }));
    const { capture_until: until } = await answer.json();
    place.textContent = until ? `Kept until ${new Date(until).toLocaleTimeString()}.` : "Nothing is kept any more.";
  } catch (error) {
    place.textContent = error.message;
  }
});

function clear() {
  body.replaceChildren();
  shown = more = 0;
  take({ messages: [], more: 0 });
}

renew();

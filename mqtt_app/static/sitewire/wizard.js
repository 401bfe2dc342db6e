// A new site in one page: nothing is stored before Start, and what was entered waits in the browser.
import { ask } from "./actions.js";
import { complain, dependent, fill, openly, read, send } from "./connection_form.js";
import { StageList } from "./stages.js";
import { showHeard, chosenFilters } from "./heard.js";

const DRAFT = "sitewire-new-site";
const API = "/api/v1/mqtt/";
const LISTEN = 8; // s

const form = document.querySelector("[data-wizard]");
const stages = new StageList(document.querySelector("[data-tested]"));
const own = (name) => form.querySelector(`[data-own="${name}"]`);
const find = (selector) => form.querySelector(selector);

function preset(option) {
  const { port, tls, user, client, version, keepalive, filters, help } = option.dataset;
  find("[data-preset-help]").textContent = help ?? "";
  if (!port) return;
  fill(form, { broker_port: port, use_tls: tls === "true", username: user, client_id: client, protocol_version: version, keepalive });
  find('[data-setting="broker_host"]').placeholder = option.dataset.host;
  own("filters").value = filters;
  keep();
}

function keep() {
  const values = { name: own("name").value, filters: own("filters").value, preset: own("preset").value, settings: openly(read(form)) };
  try {
    localStorage.setItem(DRAFT, JSON.stringify(values));
  } catch {
    // no room, or forbidden: then there is no draft
  }
}

function restore() {
  let draft = null;
  try {
    draft = JSON.parse(localStorage.getItem(DRAFT));
  } catch {
    localStorage.removeItem(DRAFT);
  }
  if (!draft?.settings?.broker_host && !draft?.name) return;
  own("name").value = draft.name;
  own("filters").value = draft.filters;
  own("preset").value = draft.preset ?? "";
  find("[data-preset-help]").textContent = own("preset").selectedOptions[0]?.dataset.help ?? "";
  fill(form, draft.settings);
  document.querySelector("[data-draft]").hidden = false;
}

function forget() {
  localStorage.removeItem(DRAFT);
}

function wantedFilters() {
  return own("filters").value.split("\n").map((line) => line.trim()).filter(Boolean);
}

async function test() {
  if (stages.busy) return say("[data-test-said]", "The test before this one still runs.");
  const body = { ...read(form), filters: wantedFilters(), listen: LISTEN };
  const button = find("[data-test]");
  const answer = await send(form, (text) => say("[data-test-said]", text), `${API}connections/test/`, "POST", body);
  if (!answer) return;
  say("[data-test-said]", "");
  button.setAttribute("aria-disabled", "true");
  await stages.begin(async () => answer, (operation) => {
    button.removeAttribute("aria-disabled");
    const heard = operation?.result?.heard;
    if (heard) showHeard(find("[data-heard]"), heard, wantedFilters());
  });
}

function say(place, text) {
  form.querySelector(place).textContent = text;
}

async function start(starts) {
  const button = form.querySelector("[data-start]");
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const tell = (text) => say("[data-start-said]", text);
  tell("Creating…");
  try {
    await create(starts, tell);
  } catch (error) {
    tell(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message);
  }
  button.removeAttribute("aria-disabled");
}

// The site first, since all else hangs on it; it is taken back when the rest is refused.
async function create(starts, tell) {
  const filters = chosenFilters(find("[data-heard]")) ?? wantedFilters();
  if (!filters.length) {
    complain(form, { filters: "Without a topic filter nothing can arrive. Enter one, such as #." });
    return;
  }
  const site = { name: own("name").value, new_topics_active: !own("approve").checked };
  const made = await send(form, tell, `${API}sites/`, "POST", site);
  if (!made) return;
  const { id } = await made.json();
  const back = () => ask(`${API}sites/${id}/`, "DELETE").catch(() => null);
  const connection = await send(form, tell, `${API}sites/${id}/connection/`, "PUT", read(form)).catch(() => null);
  if (!connection) return back();
  for (const filter of filters) {
    const answer = await send(form, tell, `${API}sites/${id}/topics/`, "POST", { filter, qos: 1 });
    if (!answer) return back();
  }
  if (starts) await ask(`${API}sites/${id}/start/`, "POST");
  forget();
  location.assign(`/sites/${id}/`);
}

form.addEventListener("input", keep);
form.addEventListener("change", ({ target }) => {
  if (target.matches('[data-own="preset"]')) preset(target.selectedOptions[0]);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter?.matches("[data-start]")) start(true);
  else if (event.submitter?.matches("[data-create]")) start(false);
  else test();
});
document.querySelector("[data-discard]").addEventListener("click", () => {
  forget();
  form.reset();
  dependent(form);
  document.querySelector("[data-draft]").hidden = true;
});

restore();
dependent(form);

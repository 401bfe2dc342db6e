// The settings of a site: each part is saved by itself, through the same API as scripts use.
import { headers } from "./actions.js";
import { fill, read, send } from "./connection_form.js";
import { StageList } from "./stages.js";

const page = document.querySelector("[data-settings]");
const api = page.dataset.settings;
const connection = page.querySelector("[data-connection]");
const site = page.querySelector("[data-site-form]");
const adding = page.querySelector("[data-add]");
const stages = new StageList(page.querySelector("[data-tested]"));
const FILTERS_SHOWN = 200;

const say = (form) => (text) => (form.querySelector("[data-said]").textContent = text);

async function get(path) {
  const answer = await fetch(api + path, { headers: headers(), cache: "no-store" });
  return answer.ok ? answer.json() : null;
}

function effect(form, shown) {
  form.querySelector("[data-effect]").hidden = !shown;
}

async function load() {
  const [own, stored] = await Promise.all([get(""), get("connection/")]);
  if (own) fill(site, own);
  if (stored) fill(connection, stored);
  await filters();
}

async function saveConnection() {
  const answer = await send(connection, say(connection), `${api}connection/`, "PUT", read(connection));
  if (!answer) return;
  for (const name of ["password", "tls_client_key"]) connection.querySelector(`[data-setting="${name}"]`).value = "";
  fill(connection, await answer.json());
  effect(connection, false);
  say(connection)("Saved.");
  await filters();
}

async function test() {
  if (stages.busy) return say(connection)("The test before this one still runs.");
  const wanted = [...page.querySelectorAll("[data-filters] [data-name]")].map((name) => name.textContent);
  const { ack_mode: _, broker_queue_limit: __, ...settings } = read(connection);
  const body = { ...settings, filters: wanted.slice(0, 50), site: Number(page.dataset.id) };
  const answer = await send(connection, say(connection), "/api/v1/mqtt/connections/test/", "POST", body);
  if (!answer) return;
  say(connection)("");
  stages.begin(async () => answer, () => {});
}

async function saveSite() {
  const answer = await send(site, say(site), api, "PATCH", read(site));
  if (!answer) return;
  fill(site, await answer.json());
  effect(site, false);
  say(site)("Saved.");
}

async function filters() {
  const found = await get(`topics/?page_size=${FILTERS_SHOWN}`);
  const list = page.querySelector("[data-filters]");
  adding.querySelector("button").disabled = !found;
  say(adding)(found ? "" : "Save the connection first.");
  list.replaceChildren(...(found?.results ?? []).map(row));
}

function row(topic) {
  const made = page.querySelector("template[data-filter]").content.cloneNode(true).firstElementChild;
  made.querySelector("[data-name]").textContent = topic.filter;
  made.querySelector("[data-qos]").textContent = `QoS ${topic.qos}`;
  const button = made.querySelector("[data-switch]");
  button.setAttribute("aria-checked", topic.is_active);
  button.setAttribute("aria-label", `Ask for ${topic.filter}`);
  button.textContent = topic.is_active ? "Asked for" : "Off";
  button.addEventListener("click", () => change(topic, "PATCH", { is_active: !topic.is_active }));
  made.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${topic.filter}`);
  made.querySelector("[data-remove]").addEventListener("click", () => change(topic, "DELETE"));
  return made;
}

async function change(topic, method, body) {
  if (await send(adding, say(adding), `${api}topics/${topic.id}/`, method, body)) await filters();
}

async function add() {
  const { filter, qos } = read(adding);
  const answer = await send(adding, say(adding), `${api}topics/`, "POST", { filter, qos: Number(qos) });
  if (!answer) return;
  adding.reset();
  await filters();
}

for (const form of [connection, site]) form.addEventListener("input", () => effect(form, true));
page.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target === site) saveSite();
  else if (event.target === adding) add();
  else if (event.submitter?.matches("[data-test]")) test();
  else saveConnection();
});

load();

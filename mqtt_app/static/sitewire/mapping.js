// The bench of a mapping: a definition as a form, tried on the stored samples while it is edited.
import { ask } from "./actions.js";
import { showSamples, showTrial } from "./mapping_trial.js";

const PAUSE = 500; // ms without typing after which it is tried
const LOOK = 1000; // ms between two looks at a replay
const EMPTY = { version: 1, filter: "", device: { text: "" }, metrics: [] };

const bench = document.querySelector("[data-bench]");
const api = bench.dataset.bench;
let mapping = bench.dataset.mapping ?? "";
let definition = structuredClone(EMPTY);
let timer = 0, asked = 0;

const find = (selector) => bench.querySelector(selector);
const field = (name) => find(`[data-field="${name}"]`);

async function call(path, method, body) {
  const answer = await ask(api + path, method, body === undefined ? undefined : JSON.stringify(body));
  return answer.status === 204 ? null : answer.json();
}

function said(error) {
  return error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
}

// The form, from the definition and back.

function fill() {
  field("filter").value = definition.filter ?? "";
  field("each").value = definition.each ?? "";
  field("format").value = definition.format ?? "auto";
  for (const name of ["device", "time"]) fillSource(field(name), find(`[data-kind="${name}"]`), definition[name] ?? {});
  find("[data-metrics]").replaceChildren(...(definition.metrics ?? []).map(row));
  find("[data-all]").checked = Boolean(definition.leaves?.length);
  showJson();
}

function fillSource(input, kind, source) {
  input.value = source.path || source.text || "";
  if (source.path) kind.value = source.of_message ? "message" : "path";
  else kind.value = [...kind.options].some((option) => option.value === "text") ? "text" : "path";
}

function source(input, kind) {
  const value = input.value.trim();
  if (!value) return {};
  if (kind.value === "text") return { text: value };
  return kind.value === "message" ? { path: value, of_message: true } : { path: value };
}

function row(metric) {
  const made = find("template[data-metric]").content.cloneNode(true).firstElementChild;
  const part = (name) => made.querySelector(`[data-part="${name}"]`);
  fillSource(part("name"), made.querySelector('[data-kind="name"]'), metric.name ?? {});
  part("value").value = metric.value ?? "";
  part("unit").value = metric.unit?.path ? `= ${metric.unit.path}` : metric.unit?.text ?? "";
  part("type").value = metric.type ?? "auto";
  part("scale").value = metric.scale === 1 || metric.scale === undefined ? "" : metric.scale;
  part("offset").value = metric.offset ? metric.offset : "";
  made.kept = metric;
  return made;
}

function metricOf(made) {
  const part = (name) => made.querySelector(`[data-part="${name}"]`).value.trim();
  const unit = part("unit");
  const metric = { ...made.kept, name: source(made.querySelector('[data-part="name"]'), made.querySelector('[data-kind="name"]')), value: part("value"), type: part("type") };
  metric.unit = unit.startsWith("=") ? { path: unit.slice(1).trim() } : unit ? { text: unit } : {};
  metric.scale = number(part("scale"), 1);
  metric.offset = number(part("offset"), 0);
  return metric;
}

function number(text, otherwise) {
  return text === "" ? otherwise : Number(text.replace(",", "."));
}

function read() {
  definition = {
    ...definition,
    filter: field("filter").value.trim(),
    each: field("each").value.trim(),
    format: field("format").value,
    device: source(field("device"), find('[data-kind="device"]')),
    time: source(field("time"), find('[data-kind="time"]')),
    metrics: [...bench.querySelectorAll("[data-metrics] > li")].map(metricOf),
  };
  const all = find("[data-all]").checked;
  if (all !== Boolean(definition.leaves?.length)) definition.leaves = all ? [{ under: "", prefix: "" }] : [];
  showJson();
}

function showJson() {
  const place = find("[data-json]");
  if (document.activeElement !== place) place.value = JSON.stringify(definition, null, 2);
}

// Trying it.

function changed() {
  clearTimeout(timer);
  timer = setTimeout(attempt, PAUSE);
}

async function attempt() {
  if (!definition.filter) return;
  const mine = ++asked;
  try {
    const trial = await call("mappings/dry-run/", "POST", { definition });
    if (mine !== asked) return;
    wrong("");
    showTrial(find("[data-trial]"), find("[data-trial-said]"), trial);
  } catch (error) {
    if (mine === asked) wrong(said(error));
  }
}

function wrong(text) {
  const place = find("[data-wrong]");
  place.textContent = text;
  place.hidden = !text;
}

async function propose() {
  const notes = find("[data-notes]");
  const filter = field("filter").value.trim();
  notes.textContent = "Looking at the samples…";
  try {
    const found = await call("mappings/propose/", "POST", { filter });
    definition = found.definition ?? { ...structuredClone(EMPTY), filter };
    fill();
    const from = found.samples === 1 ? "1 sample" : `${found.samples} samples`;
    notes.textContent = [found.definition ? `Proposed from ${from}.` : `${from} stored.`, ...found.notes].join(" ");
    samples();
    changed();
  } catch (error) {
    notes.textContent = said(error);
  }
}

async function samples() {
  const plain = (definition.filter ?? "").replace(/\{[a-z0-9_]+\}/g, "+");
  if (!plain) return;
  try {
    const answer = await fetch(`${api}samples/?page_size=5&filter=${encodeURIComponent(plain)}`, { headers: { Accept: "application/json" } });
    if (answer.ok) showSamples(find("[data-samples]"), (await answer.json()).results, add);
  } catch {
    // the network; what is shown stays
  }
}

// A value of a sample was chosen: `path` begins at the root of the message.
function add(path, key) {
  const each = definition.each ?? "";
  let inside = path;
  if (each && path.startsWith(each)) inside = path.slice(each.length).replace(/^\[\d+\]\.?/, "");
  else if (!each) inside = path.replace(/^\[\d+\]\.?/, "");
  const list = find("[data-metrics]");
  list.append(row({ name: { text: key }, value: inside }));
  edited();
  list.lastElementChild.querySelector('[data-part="name"]').focus();
}

function edited() {
  read();
  changed();
}

// Keeping it.

async function save(activates) {
  const place = find("[data-said]");
  place.textContent = "Saving…";
  try {
    const body = { definition, note: find("[data-note]").value };
    const isNew = !mapping;
    if (isNew) {
      const made = await call("mappings/", "POST", { ...body, name: find("[data-name]").value.trim() });
      mapping = String(made.id);
    } else {
      await call(`mappings/${mapping}/`, "PUT", body);
    }
    if (activates) await activate({});
    else if (isNew) location.assign(`${bench.dataset.pages}${mapping}/`);
    else place.textContent = "Saved. It is not active yet.";
  } catch (error) {
    place.textContent = said(error);
  }
}

async function activate(body) {
  const done = await call(`mappings/${mapping}/activate/`, "POST", body);
  const topics = done.taken === 1 ? "1 topic" : `${done.taken} topics`;
  find("[data-said]").textContent = `Active: it took over ${topics} and reads new ones of ${done.filter}.`;
  history.replaceState(null, "", `${bench.dataset.pages}${mapping}/`);
  const again = find("[data-replay]");
  again.hidden = !done.waiting;
  again.dataset.filter = done.filter;
  again.querySelector("span").textContent = `${done.waiting} messages of these topics were not stored.`;
}

async function deactivate() {
  try {
    await call(`mappings/${mapping}/deactivate/`, "POST");
    find("[data-said]").textContent = "Not active any more. Its topics are recognised anew by their next message.";
  } catch (error) {
    find("[data-said]").textContent = said(error);
  }
}

async function replay() {
  const again = find("[data-replay]");
  const place = again.querySelector("span");
  try {
    const operation = await call("dead-letters/replay/", "POST", { topic: again.dataset.filter });
    follow(`/api/v1/mqtt/operations/${operation.id}/`, place);
  } catch (error) {
    place.textContent = said(error);
  }
}

async function follow(address, place) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (answer?.ok) {
    const { state, result } = await answer.json();
    place.textContent = `${state}: ${result.stored ?? 0} stored, ${result.failed ?? 0} failed.`;
    if (!["pending", "running"].includes(state)) return;
  }
  setTimeout(() => follow(address, place), LOOK);
}

bench.addEventListener("input", ({ target }) => {
  if (target.matches("[data-json]")) {
    try {
      definition = JSON.parse(target.value);
      fill();
      changed();
    } catch {
      wrong("This is not JSON yet.");
    }
  } else if (target.closest("[data-form]")) edited();
});
bench.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.matches("[data-propose]")) propose();
  if (event.target.matches("[data-save]")) save(event.submitter?.matches("[data-activate]") ?? true);
});
bench.addEventListener("click", async ({ target }) => {
  if (target.closest("[data-add]")) {
    find("[data-metrics]").append(row({}));
    find("[data-metrics]").lastElementChild.querySelector("input").focus();
  } else if (target.closest("[data-remove]")) {
    target.closest("li").remove();
    edited();
    find("[data-add]").focus();
  } else if (target.closest("[data-deactivate]")) deactivate();
  else if (target.closest("[data-replay] button")) replay();
  else if (target.closest("[data-version]")) {
    await activate({ version: Number(target.closest("[data-version]").dataset.version) }).catch((error) => (find("[data-said]").textContent = said(error)));
  }
});

async function begin() {
  if (mapping) {
    const stored = await call(`mappings/${mapping}/`, "GET");
    definition = stored.definition;
    find("[data-note]") && (find("[data-note]").value = "");
    fill();
    samples();
    changed();
  } else if (field("filter").value) propose();
}

begin();

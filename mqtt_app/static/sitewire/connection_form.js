// The settings of a connection as a form: filled, read, and what the server finds wrong with them.
import { headers } from "./actions.js";

const isFlag = (field) => field.type === "checkbox";
const isNumber = (field) => field.inputMode === "numeric";
const SECRETS = new Set(["password", "tls_client_key"]);

export function fill(form, values) {
  for (const field of form.querySelectorAll("[data-setting]")) {
    const name = field.dataset.setting;
    if (!(name in values) || SECRETS.has(name)) continue;
    if (isFlag(field)) field.checked = values[name];
    else field.value = values[name] ?? "";
  }
  dependent(form);
}

// Without secrets that were left empty: those stay as they are stored.
export function read(form) {
  const values = {};
  for (const field of form.querySelectorAll("[data-setting]")) {
    const name = field.dataset.setting;
    if (isFlag(field)) values[name] = field.checked;
    else if (isNumber(field)) values[name] = number(field.value.trim());
    else if (SECRETS.has(name)) {
      if (field.value) values[name] = field.value;
    } else values[name] = field.value;
  }
  return values;
}

// Empty: left out. What is no number goes to the server as it is, which says so.
function number(text) {
  if (text === "") return undefined;
  return Number.isFinite(Number(text)) ? Number(text) : text;
}

// What may be kept in the browser.
export function openly(values) {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !SECRETS.has(name)));
}

export function dependent(form) {
  const tls = form.querySelector('[data-setting="use_tls"]')?.checked;
  for (const part of form.querySelectorAll("[data-tls]")) part.hidden = !tls;
}

// The words of the server, each at its field; gives those that belong to none.
export function complain(form, errors) {
  for (const old of form.querySelectorAll(".field-error")) old.remove();
  const rest = [];
  let first = null;
  for (const [name, said] of Object.entries(errors)) {
    const text = [said].flat(3).map((word) => (typeof word === "string" ? word : JSON.stringify(word))).join(" ");
    const field = form.querySelector(`[data-setting="${name}"], [data-own="${name}"]`);
    if (!field) {
      rest.push(name === "detail" ? text : `${name}: ${text}`);
      continue;
    }
    const place = document.createElement("p");
    place.className = "field-error";
    place.id = `wrong-${name}`;
    place.textContent = text;
    field.closest(".field").append(place);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", place.id);
    first ??= field;
  }
  first?.focus();
  return rest.join(" ");
}

export function clean(form) {
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
  complain(form, {});
}

// A call whose 400 is shown at the fields. Gives the answer, null when it was refused.
export async function send(form, say, address, method, body) {
  clean(form);
  let answer;
  try {
    answer = await fetch(address, { method, headers: headers(), body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    say("The server cannot be reached. Try again.");
    return null;
  }
  if (answer.ok) return answer;
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // no JSON: the number has to do
  }
  const rest = complain(form, said);
  say(rest || (Object.keys(said).length ? "Correct what is marked." : `The server answered ${answer.status}. Try again.`));
  return null;
}

document.addEventListener("change", ({ target }) => {
  if (target.matches('[data-setting="use_tls"]')) dependent(target.form);
  if (target.matches("[data-pem]") && target.files.length) take(target);
});

async function take(input) {
  const field = input.form.querySelector(`[data-setting="${input.dataset.pem}"]`);
  field.value = await input.files[0].text();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  input.value = "";
}

// Start, stop, approve: calls of the REST API. What went wrong is said where it was asked for.
import { soon } from "./refresh.js";

const SEEN = 1500; // ms that "Connecting…" stays at least, so that an eye can catch it
const READ = 15_000; // ms that an error stays beside its button

async function call(button) {
  const { post, patch } = button.dataset;
  await ask(post || patch, post ? "POST" : "PATCH", patch ? JSON.stringify(change(button.dataset)) : undefined);
}

export function headers() {
  return { "Content-Type": "application/json", "X-CSRFToken": document.body.dataset.csrf, Accept: "application/json" };
}

export async function ask(address, method, body) {
  const answer = await fetch(address, { method, headers: headers(), body });
  if (!answer.ok) throw new Error(await reason(answer));
  return answer;
}

function change({ active, folding }) {
  return folding ? { is_folding: folding === "true" } : { is_active: active === "true" };
}

async function reason(answer) {
  if (answer.status === 401) return "You are logged out. Reload the page to log in.";
  try {
    const said = await answer.json();
    const first = said.detail ?? said.message ?? Object.values(said).flat()[0];
    if (typeof first === "string") return first;
  } catch {
    // no JSON: the number has to do
  }
  return `The server answered ${answer.status}. Try again.`;
}

async function act(button) {
  if (button.getAttribute("aria-disabled") === "true") return;
  const held = button.closest("[data-site]") ?? button.closest("td");
  const status = button.dataset.for ? held.querySelector("[data-status]") : null;
  clear(button);
  busy(button, true);
  if (status) pending(status, button.dataset.busy);
  try {
    await call(button);
    setTimeout(() => status && release(status), SEEN);
  } catch (error) {
    if (status) release(status);
    complain(button, error instanceof TypeError ? "The server cannot be reached. Try again." : error.message);
  }
  busy(button, false);
  soon();
}

function busy(button, on) {
  button.setAttribute("aria-disabled", on);
  button.setAttribute("aria-busy", on);
}

// What was asked for, until there is news from the link: refreshes leave a held part alone.
function pending(status, word) {
  const badge = status.querySelector(".badge");
  badge.className = badge.className.replace(/tone-\w+/, "tone-wait");
  const shape = badge.querySelector("use");
  shape.setAttribute("href", shape.getAttribute("href").replace(/#.*/, "#wait"));
  badge.lastChild.nodeValue = word;
  status.dataset.status = word;
  status.querySelector(".reason")?.remove();
  status.setAttribute("data-hold", "");
  document.querySelector("[data-announce]").textContent = word;
}

function release(status) {
  status.removeAttribute("data-hold");
  soon();
}

function clear(button) {
  const place = button.parentElement.querySelector(".act-error");
  place?.remove();
  button.parentElement.removeAttribute("data-hold");
}

function complain(button, text) {
  clear(button);
  const place = document.createElement("p");
  place.className = "act-error";
  place.setAttribute("role", "alert");
  place.textContent = text;
  button.parentElement.append(place);
  button.parentElement.setAttribute("data-hold", ""); // or the next refresh would wipe it away
  setTimeout(() => place.isConnected && clear(button), READ);
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-post], [data-patch]");
  if (button) act(button);
});

// Fragments: the changing part of a page, fetched again when something happened, and every ten seconds in any case,
// because silence is news too (a worker that died says nothing).
import { tick } from "./clock.js";
import { children } from "./morph.js";

const LEAST = 1000; // ms between two fetches
const SHARE = 5; // a slow answer is asked for less often: at most a fifth of the time is spent waiting for it
const ALWAYS = 10_000; // ms

const fragment = document.querySelector("[data-fragment]");
let timer = 0, busy = false, again = false, last = -Infinity, took = 0;

export function soon() {
  if (!fragment || timer) return;
  if (busy) {
    again = true;
    return;
  }
  const wait = Math.max(0, last + Math.max(LEAST, took * SHARE) - performance.now());
  timer = setTimeout(load, wait);
}

async function load() {
  timer = 0;
  busy = true;
  const began = (last = performance.now());
  try {
    const answer = await fetch(fragment.dataset.fragment, { headers: { Accept: "text/html" }, cache: "no-store" });
    took = performance.now() - began;
    if (answer.redirected) document.dispatchEvent(new CustomEvent("live:state", { detail: "out" }));
    else if (answer.ok) show(await answer.text());
    else document.dispatchEvent(new CustomEvent("page:stale"));
  } catch {
    document.dispatchEvent(new CustomEvent("page:stale")); // the network; the next round asks again
  } finally {
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

function show(text) {
  const body = new DOMParser().parseFromString(text, "text/html").body; // parsed, not run
  tick(body);
  steady(body);
  const before = said();
  children(fragment, body);
  document.dispatchEvent(new CustomEvent("page:fresh"));
  announce(before);
}

// Rows keep the places at which they are seen: one that moved would be clicked by mistake. A reload sorts them.
function steady(body) {
  const seen = fragment.querySelector("[data-steady]"), wanted = body.querySelector("[data-steady]");
  if (!seen || !wanted) return;
  const rows = new Map([...wanted.children].map((row) => [row.dataset.key, row]));
  const kept = [...seen.children].filter((row) => rows.has(row.dataset.key)).map((row) => rows.get(row.dataset.key));
  wanted.prepend(...kept);
}

// For screen readers: which site changed its status. More than three at once are a number.
const said = () => new Map([...fragment.querySelectorAll("[data-site]")].map((row) => [row.dataset.name, word(row)]));
const word = (row) => row.querySelector("[data-status]")?.dataset.status;

function announce(before) {
  const changed = [...said()].filter(([name, status]) => before.has(name) && before.get(name) !== status);
  if (!changed.length) return;
  const text = changed.length > 3 ? `${changed.length} sites changed` : changed.map(([name, status]) => `${name}: ${status}`).join(". ");
  document.querySelector("[data-announce]").textContent = text;
}

function concerns(event) {
  if (!fragment.dataset.about.split(" ").includes(event.type)) return false;
  return !fragment.dataset.only || event.site_id === undefined || String(event.site_id) === fragment.dataset.only;
}

if (fragment) {
  document.addEventListener("live:event", ({ detail }) => concerns(detail) && soon());
  setInterval(() => document.visibilityState === "visible" && soon(), ALWAYS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && soon());
}

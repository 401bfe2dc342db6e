// Rates, last messages and counts of readings, written straight from events: too frequent to ask the server each time.
import { ageOf, rate, tick } from "./clock.js";

const parts = (siteId, what) => document.querySelectorAll(`[data-site="${Number(siteId)}"] [data-${what}]`);

function flow(event) {
  for (const site of event.sites) {
    for (const part of parts(site.site_id, "rate")) part.textContent = rate(site.rate);
    if (site.last_message_at) for (const part of parts(site.site_id, "last")) part.replaceChildren(ageOf(isoOf(site.last_message_at)));
  }
  tick();
}

const isoOf = (at) => (typeof at === "number" ? new Date(at * 1000).toISOString() : at);

function stored(event) {
  for (const part of parts(event.site_id, "readings")) {
    part.dataset.readings = Number(part.dataset.readings) + event.readings;
    part.textContent = Number(part.dataset.readings).toLocaleString("en-US");
  }
}

document.addEventListener("live:event", ({ detail }) => {
  if (detail.type === "flow") flow(detail);
  if (detail.type === "stored") stored(detail);
});

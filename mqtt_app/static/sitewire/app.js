// Entry: ties the modules of a page together. No build, no framework, nothing from elsewhere.
import "./actions.js";
import "./bulk.js";
import "./explain.js";
import { correct, now, tick } from "./clock.js";
import "./flow.js";
import "./refresh.js";
import { open } from "./socket.js";

const WORDS = { connecting: "Connecting…", live: "Live", lost: "Reconnecting…", out: "Logged out" };
const STALE = { lost: "The live connection is interrupted.", out: "You are logged out; reload the page to log in again." };

let fresh = now(), socket = "connecting", answers = true;

// Live means both: events arrive, and the server answers when asked for the page's state.
function show() {
  const name = socket === "live" && !answers ? "lost" : socket;
  document.body.dataset.live = name;
  document.querySelector("[data-live-word]").textContent = WORDS[name];
  if (!STALE[name]) return;
  document.querySelector("[data-stale-word]").textContent = STALE[name];
  document.querySelector("[data-stale-time]").textContent = new Date(fresh).toLocaleTimeString();
}

document.addEventListener("live:state", ({ detail }) => {
  socket = detail;
  show();
});
document.addEventListener("live:event", ({ detail }) => {
  fresh = now();
  if (detail.type === "snapshot") correct(detail.at);
});
document.addEventListener("page:fresh", () => {
  fresh = now();
  answers = true;
  show();
});
document.addEventListener("page:stale", () => {
  answers = false;
  show();
});

setInterval(() => tick(), 1000);
open();

// The WebSocket: reconnects by itself, and says honestly whether it is there. States: connecting, live, lost, out.

const PING_EVERY = 10_000; // ms
const DEAD_AFTER = 25_000; // ms without any message: half-open, whatever the browser believes
const FIRST_RETRY = 500, LAST_RETRY = 10_000; // ms
const SIGNED_OUT = 4401;

let socket = null, heard = 0, retry = FIRST_RETRY, timer = 0, over = false;

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

export function open() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  heard = Date.now();
  const mine = (socket = new WebSocket(`${scheme}//${location.host}/ws/mqtt/status/`));
  mine.onmessage = (message) => mine === socket && receive(JSON.parse(message.data));
  mine.onclose = (closing) => mine === socket && closed(closing.code);
}

function receive(event) {
  heard = Date.now();
  if (event.type === "snapshot") {
    retry = FIRST_RETRY;
    tell("live:state", "live");
  }
  if (event.type !== "pong") tell("live:event", event);
}

function closed(code) {
  socket = null;
  over = code === SIGNED_OUT;
  tell("live:state", over ? "out" : "lost");
  if (over) return;
  clearTimeout(timer);
  timer = setTimeout(open, retry * (0.5 + Math.random()));
  retry = Math.min(retry * 2, LAST_RETRY);
}

function drop() {
  const dead = socket;
  socket = null;
  dead?.close();
  closed(0);
}

setInterval(() => {
  if (!socket) return;
  if (Date.now() - heard > DEAD_AFTER) drop();
  else if (socket.readyState === WebSocket.OPEN) socket.send("ping");
}, PING_EVERY);

addEventListener("offline", () => socket && drop());
addEventListener("online", () => {
  if (socket || over) return;
  clearTimeout(timer);
  open();
});

// Ages that tick, by the server's clock. The words are those of dashboard/words.py.
const MINUTE = 60, HOUR = 3600, DAY = 86400; // s

let offset = Date.parse(document.body.dataset.now || "") - Date.now() || 0; // ms that the server is ahead of this computer

export const now = () => Date.now() + offset;

export function correct(serverTime) {
  const at = Date.parse(serverTime);
  if (!Number.isNaN(at)) offset = at - Date.now();
}

export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < 2 * DAY) return `${Math.floor(whole / HOUR)} h`;
  return `${Math.floor(whole / DAY)} days`;
}

const ago = (seconds) => (seconds < 1 ? "just now" : `${span(seconds)} ago`);

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "–";
  if (perSecond >= 10) return `${Math.round(perSecond).toLocaleString("en-US")}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  return perSecond ? `${Math.round(perSecond * MINUTE)}/min` : "0";
}

export function tick(root = document) {
  for (const time of root.querySelectorAll("time[data-age]")) {
    const seconds = (now() - Date.parse(time.dateTime)) / 1000;
    const text = time.dataset.age === "ago" ? ago(seconds) : span(seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}

export function ageOf(at) {
  const time = document.createElement("time");
  time.dateTime = at;
  time.dataset.age = "ago";
  return time;
}

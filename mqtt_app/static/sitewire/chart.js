// The chart of a device: buckets of time from the API, drawn by uPlot. A gap in the data stays a gap.
import { ask } from "./actions.js";
import { now } from "./clock.js";
import { soon } from "./refresh.js";

const POINTS = 400; // about as many as a screen shows
const MOST = 5; // metrics at once
const RAW = 31 * 86_400; // s; buckets of minutes are not answered for longer than this
const BUCKETS = [[1, "1s"], [5, "5s"], [10, "10s"], [30, "30s"], [60, "1m"], [300, "5m"], [900, "15m"], [3600, "1h"], [10_800, "3h"], [21_600, "6h"], [86_400, "1d"], [604_800, "7d"]];
const GAP = 3; // times the usual distance of two points
const COLOURS = ["--accent", "--wait", "--warn", "--bad", "--ok"];

const panel = document.querySelector("[data-chart]");
const place = panel?.querySelector("[data-plot]");
let shown = null, plot = null, turn = 0;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const picked = () => [...panel.querySelectorAll(".picks input:checked")];

function bucketFor(seconds) {
  const least = seconds / POINTS;
  const fitting = BUCKETS.find(([size]) => size >= least && (seconds <= RAW || size % 3600 === 0));
  return (fitting ?? BUCKETS.at(-1))[1];
}

function currentWindow() {
  const pressed = panel.querySelector('[data-range][aria-pressed="true"]');
  const end = now() / 1000;
  return pressed ? { from: end - Number(pressed.dataset.range), to: end } : shown;
}

async function load(frame) {
  if (!place || !frame) return;
  const own = ++turn;
  const inputs = picked();
  if (!inputs.length) return say("Choose a metric.");
  try {
    const bucket = bucketFor(frame.to - frame.from);
    const series = await Promise.all(inputs.map((input) => fetchSeries(input, frame, bucket)));
    if (own !== turn) return; // another choice was made meanwhile
    shown = { ...frame, bucket, series };
    draw();
  } catch (error) {
    if (own === turn) say(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message);
  }
}

async function fetchSeries(input, frame, bucket) {
  const query = new URLSearchParams({ metric: input.value, bucket, agg: "avg,min,max", from: iso(frame.from), to: iso(frame.to) });
  const answer = await ask(`${panel.dataset.chart}?${query}`, "GET");
  const { results } = await answer.json();
  const rows = results.filter((row) => row.avg !== null).reverse();
  return { name: input.value, unit: input.dataset.unit, times: rows.map((row) => Date.parse(row.time) / 1000), values: rows.map((row) => row.avg) };
}

const iso = (seconds) => new Date(seconds * 1000).toISOString();

function say(text) {
  const said = panel.querySelector(".plot [data-said]");
  said.textContent = text;
  said.hidden = !text;
  place.hidden = Boolean(text);
}

// null breaks the line; what is undefined after joining several series does not.
function withGaps({ times, values }) {
  const distances = times.slice(1).map((time, index) => time - times[index]).sort((a, b) => a - b);
  const usual = distances[Math.floor(distances.length / 2)] ?? Infinity;
  const xs = [], ys = [];
  times.forEach((time, index) => {
    if (index && time - times[index - 1] > GAP * usual) {
      xs.push((time + times[index - 1]) / 2);
      ys.push(null);
    }
    xs.push(time);
    ys.push(values[index]);
  });
  return [xs, ys];
}

function draw() {
  const full = shown.series.filter((metric) => metric.times.length);
  if (!full.length) return say("No reading in this time.");
  say("");
  plot?.destroy();
  const units = [...new Set(full.map((metric) => metric.unit))];
  const text = colour("--muted"), line = colour("--line");
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const options = {
    width: Math.max(240, place.clientWidth),
    height: 300,
    scales: { x: { time: true, min: shown.from, max: shown.to }, ...Object.fromEntries(units.map((unit) => [scale(unit), {}])) },
    axes: [axis, ...units.slice(0, 2).map((unit, index) => ({ ...axis, scale: scale(unit), side: index ? 1 : 3, label: unit || undefined, size: 64, grid: { ...axis.grid, show: !index } }))],
    series: [{}, ...full.map((metric, index) => ({ label: metric.unit ? `${metric.name} (${metric.unit})` : metric.name, scale: scale(metric.unit), stroke: colour(COLOURS[index % COLOURS.length]), width: 1.6, points: { show: metric.times.length < 60 } }))],
    hooks: { setSelect: [zoom] },
    cursor: { drag: { setScale: false } },
  };
  plot = new window.uPlot(options, window.uPlot.join(full.map(withGaps)), place);
  place.setAttribute("aria-label", `${full.map(summary).join("; ")}, in buckets of ${shown.bucket}`);
}

const scale = (unit) => `unit ${unit}`;
const summary = ({ name, unit, values }) => `${name}: ${Math.min(...values)} to ${Math.max(...values)} ${unit}`.trim();

function zoom(drawn) {
  const { left, width } = drawn.select;
  if (width < 4) return;
  const frame = { from: drawn.posToVal(left, "x"), to: drawn.posToVal(left + width, "x") };
  if (frame.to - frame.from < 10) return;
  panel.querySelectorAll("[data-range]").forEach((button) => button.setAttribute("aria-pressed", "false"));
  load(frame);
}

function download() {
  if (!shown?.series.length) return;
  const times = [...new Set(shown.series.flatMap((metric) => metric.times))].sort((a, b) => a - b);
  const columns = shown.series.map((metric) => new Map(metric.times.map((time, index) => [time, metric.values[index]])));
  const head = ["time", ...shown.series.map((metric) => (metric.unit ? `${metric.name} (${metric.unit})` : metric.name))];
  const lines = times.map((time) => [iso(time), ...columns.map((column) => column.get(time) ?? "")]);
  const text = [head, ...lines].map((cells) => cells.map(cell).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv" }));
  link.download = `${panel.dataset.title.replace(/[^\w.-]+/g, "_")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

// A leading sign of a formula would be carried out by a spreadsheet.
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function limit() {
  const full = picked().length >= MOST;
  panel.querySelectorAll(".picks input:not(:checked)").forEach((input) => (input.disabled = full));
}

async function save(form) {
  const said = form.querySelector("[data-said]");
  const silence = form.elements.silence_after.value.trim();
  const body = JSON.stringify({ name: form.elements.name.value.trim(), silence_after: silence === "" ? null : silence });
  try {
    await ask(form.dataset.device, "PATCH", body);
    said.textContent = "Saved.";
    soon();
  } catch (error) {
    said.textContent = error instanceof TypeError ? "The server cannot be reached. Try again." : error.message;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-device]");
  if (!form) return;
  event.preventDefault();
  save(form);
});

if (place) {
  panel.addEventListener("change", () => {
    limit();
    load(currentWindow());
  });
  panel.addEventListener("click", ({ target }) => {
    if (target.closest("[data-csv]")) return download();
    const button = target.closest("[data-range]");
    if (!button) return;
    panel.querySelectorAll("[data-range]").forEach((other) => other.setAttribute("aria-pressed", other === button));
    load(currentWindow());
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw());
  new ResizeObserver(() => plot?.setSize({ width: Math.max(240, place.clientWidth), height: 300 })).observe(place.parentElement);
  setInterval(() => document.visibilityState === "visible" && panel.querySelector('[data-range][aria-pressed="true"]') && load(currentWindow()), 30_000);
  load(currentWindow());
}

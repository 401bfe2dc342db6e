// Samples as trees whose values can be chosen, and what a mapping makes of them.

const MOST_VALUES = 300; // of one sample that are shown
const MOST_READINGS = 12; // of one message

export function showSamples(place, samples, choose) {
  if (!samples.length) {
    place.replaceChildren(part("p", "No sample of these topics is stored yet. Messages are kept as they come, one a minute a topic.", "muted"));
    return;
  }
  place.replaceChildren(...samples.map((sample, number) => shown(sample, number === 0, choose)));
}

function shown(sample, isOpen, choose) {
  const details = part("details");
  details.open = isOpen;
  details.append(part("summary", sample.topic));
  let tree;
  try {
    tree = JSON.parse(sample.text);
  } catch {
    details.append(part("pre", sample.text ?? `${sample.size} bytes that are no text: CBOR and MessagePack are read by a mapping, too.`));
    return details;
  }
  const list = part("ul", "", "tree");
  const left = { values: MOST_VALUES };
  branch(list, tree, "", "", choose, left);
  details.append(list);
  if (left.values <= 0) details.append(part("p", "Not all of it is shown.", "small muted"));
  return details;
}

function branch(list, tree, path, key, choose, left) {
  if (left.values-- <= 0) return;
  const item = part("li");
  list.append(item);
  if (tree === null || typeof tree !== "object") {
    item.append(part("span", key ? `${key}: ` : "", "muted"));
    const button = part("button", JSON.stringify(tree), "leaf mono");
    button.type = "button";
    button.title = path;
    button.setAttribute("aria-label", `Map ${path || "the value"}, now ${JSON.stringify(tree)}`);
    button.addEventListener("click", () => choose(path, key));
    item.append(button);
    return;
  }
  item.append(part("span", key || (Array.isArray(tree) ? "list" : "message"), "muted"));
  const inner = part("ul");
  item.append(inner);
  const entries = Array.isArray(tree) ? tree.map((value, index) => [`[${index}]`, value, key]) : Object.entries(tree).map(([name, value]) => [(path ? "." : "") + written(name), value, name]);
  for (const [step, value, name] of entries) branch(inner, value, path + step, name, choose, left);
}

// A key as JMESPath writes it.
function written(name) {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name);
}

export function showTrial(place, status, trial) {
  const { samples, cut, more, mapping, present, difference, failures } = trial;
  const words = [`${count(samples, "sample")} tried: ${mapping.read} read, ${mapping.failed} failed, ${count(mapping.readings, "reading")} (now ${present.readings}).`];
  words.push(`${difference.equal} equal, ${difference.changed} other values, ${difference.only_mapping} only here, ${difference.only_present} only now.`);
  if (cut) words.push(`${count(cut, "sample")} too long to try.`);
  if (more) words.push(`${count(more, "sample")} not tried: it took too long.`);
  status.textContent = words.join(" ");
  place.replaceChildren();
  const kinds = Object.entries(failures);
  if (kinds.length) {
    const list = part("ul", "", "failures");
    list.append(...kinds.map(([text, number]) => part("li", `${number} × ${text}`)));
    place.append(list);
  }
  if (trial.shown.length) place.append(table(trial.shown));
  else place.append(part("p", "No sample to try it on.", "none"));
}

function table(rows) {
  const made = part("table", "", "cards");
  const head = part("thead");
  const titles = part("tr");
  for (const title of ["Topic", "With this mapping", "Now"]) {
    const cell = part("th", title);
    cell.scope = "col";
    titles.append(cell);
  }
  head.append(titles);
  const body = part("tbody");
  for (const { topic, mapping, present } of rows) {
    const row = part("tr");
    row.append(part("td", topic, "topic"), outcome(mapping, "With this mapping"), outcome(present, "Now"));
    body.append(row);
  }
  made.append(head, body);
  return made;
}

function outcome({ parser, readings, problems, error }, label) {
  const cell = part("td");
  cell.dataset.label = label;
  if (error) cell.append(part("p", error, "act-error"));
  let device = null;
  for (const reading of readings.slice(0, MOST_READINGS)) {
    if (reading.device !== device) cell.append(part("p", reading.device, "small mono"));
    device = reading.device;
    const value = part("span", "", "value");
    const time = reading.time === null ? "" : ` at ${new Date(reading.time * 1000).toISOString()}`;
    value.title = reading.metric + time;
    value.append(part("i", reading.metric), part("b", `${reading.value}${reading.unit ? ` ${reading.unit}` : ""}`));
    cell.append(value);
  }
  if (readings.length > MOST_READINGS) cell.append(part("p", `and ${readings.length - MOST_READINGS} more`, "small muted"));
  for (const problem of problems.slice(0, 3)) cell.append(part("p", problem, "small muted"));
  if (!readings.length && !error) cell.append(part("span", parser ? "nothing" : "no parser", "muted"));
  return cell;
}

function count(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function part(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// What a broker said while a test listened: a tree of topics to tick, and the readings in them.

const MOST = 60; // topics of a branch that are listed

export function showHeard(place, heard, asked) {
  place.hidden = false;
  const body = place.querySelector("[data-tree]");
  const said = place.querySelector("[data-heard-said]");
  if (!heard.topics.length) {
    said.textContent = "Nothing was said in these seconds. You may start all the same: topics appear when they speak.";
    body.replaceChildren();
    return;
  }
  const topics = heard.topics.length + heard.hidden;
  said.textContent = `${topics} topics, ${heard.messages} messages. Untick what is not wanted.${heard.hidden ? ` ${heard.hidden} topics are not listed.` : ""}`;
  const groups = new Map();
  for (const topic of heard.topics) {
    const first = topic.topic.split("/")[0];
    groups.set(first, [...(groups.get(first) ?? []), topic]);
  }
  body.replaceChildren(...[...groups].map(([name, members]) => branch(name, members, asked)));
}

// The filters that were chosen: what was asked for while everything is ticked. null: nothing was heard.
export function chosenFilters(place) {
  const boxes = [...place.querySelectorAll("[data-filter]")];
  if (place.hidden || !boxes.length) return null;
  if (boxes.every((box) => box.checked)) return JSON.parse(boxes[0].dataset.asked);
  return boxes.filter((box) => box.checked).map((box) => box.dataset.filter);
}

function branch(name, topics, asked) {
  const item = part("li");
  const label = part("label", "", "check");
  const box = part("input");
  box.type = "checkbox";
  box.checked = true;
  const isOne = topics.length === 1 && topics[0].topic === name;
  box.dataset.filter = isOne ? name : `${name}/#`;
  box.dataset.asked = JSON.stringify(asked);
  const messages = topics.reduce((sum, topic) => sum + topic.count, 0);
  label.append(box, part("b", box.dataset.filter, "mono"), part("span", ` ${count(topics.length, "topic")}, ${count(messages, "message")}; ${families(topics)}`, "muted"));
  const details = part("details");
  details.append(part("summary", "Topics and readings"), listed(topics));
  item.append(label, details);
  return item;
}

function families(topics) {
  const numbers = new Map();
  for (const { parser } of topics) numbers.set(parser || "no parser", (numbers.get(parser || "no parser") ?? 0) + 1);
  return [...numbers].sort((left, right) => right[1] - left[1]).map(([name, number]) => `${name} ${number}`).join(", ");
}

function listed(topics) {
  const list = part("ul", "", "tree");
  for (const topic of topics.slice(0, MOST)) {
    const item = part("li");
    item.append(part("span", topic.topic, "mono"), part("span", ` ${topic.count} × ${topic.size} bytes${topic.retained ? ", retained" : ""}${topic.parser ? `, ${topic.parser}` : ", no parser"} `, "muted small"));
    for (const { device, metric, value, unit } of topic.readings) {
      const shown = part("span", "", "value");
      shown.title = device;
      shown.append(part("i", metric), part("b", `${value}${unit ? ` ${unit}` : ""}`));
      item.append(shown);
    }
    if (topic.more) item.append(part("span", `and ${topic.more} more`, "muted small"));
    if (topic.error) item.append(part("p", topic.error, "small muted"));
    list.append(item);
  }
  if (topics.length > MOST) list.append(part("li", `and ${topics.length - MOST} more`, "muted"));
  return list;
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

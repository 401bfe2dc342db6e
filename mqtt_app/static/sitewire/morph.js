// Make `present` look like `wanted` by touching only what differs: focus, scroll, open details and typed text stay.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key : undefined);

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

export function morph(present, wanted) {
  if (present.isEqualNode(wanted)) return;
  if (present.nodeType !== Node.ELEMENT_NODE) {
    present.nodeValue = wanted.nodeValue;
    return;
  }
  if (present.hasAttribute("data-hold")) return; // an answer is awaited here; the next round brings the truth
  attributes(present, wanted);
  children(present, wanted);
}

function attributes(present, wanted) {
  for (const { name } of [...present.attributes]) {
    if (!wanted.hasAttribute(name) && !(name === "open" && present.nodeName === "DETAILS")) present.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (present.getAttribute(name) !== value) present.setAttribute(name, value);
  }
}

// Space between elements carries no meaning here, and parsers differ in how much of it they keep.
const isBlank = (node) => node.nodeType === Node.TEXT_NODE && !node.data.trim();

function fromHere(node) {
  while (node && isBlank(node)) node = node.nextSibling;
  return node;
}

export function children(present, wanted) {
  let place = fromHere(present.firstChild);
  for (const child of [...wanted.childNodes]) {
    if (isBlank(child)) continue;
    const found = place && alike(place, child) ? place : sameKey(place, child);
    if (!found) {
      present.insertBefore(child, place);
      continue;
    }
    if (found !== place) present.insertBefore(found, place);
    morph(found, child);
    place = fromHere(found.nextSibling);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function sameKey(from, wanted) {
  const key = keyOf(wanted);
  for (let node = key ? from : null; node; node = node.nextSibling) if (alike(node, wanted)) return node;
  return null;
}

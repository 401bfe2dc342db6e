// The stages of a test of a connection, shown as they come.

const STAGES = {
  settings: "Settings", "look-up": "Name look-up", tcp: "TCP", proxy: "Proxy", tls: "TLS", connect: "CONNECT", subscribe: "Subscriptions",
  message: "First message", parser: "Parser", flags: "Switches", row: "Stored",
};
const TONES = { ok: "ok", warning: "warn", failed: "bad", skipped: "off" };
const WORDS = { ok: "works", warning: "warning", failed: "failed", skipped: "not tried" };
const AGAIN = 1000; // ms between two looks, where no event says that there is something new

// Follows one test at a time in a panel with a list, a template of an icon, and a place for words.
export class StageList {
  #panel; #at = ""; #timer = 0; #busy = false; #over = () => {};

  constructor(panel) {
    this.#panel = panel;
    document.addEventListener("live:event", ({ detail }) => {
      if (detail.type === "operation" && this.#at.includes(detail.id)) this.#look();
    });
  }

  get busy() {
    return Boolean(this.#at);
  }

  // `ask` begins the test and gives its answer; `over` is called with the operation, null when there is none.
  async begin(ask, over) {
    if (this.#at) return;
    this.#at = "asked";
    this.#over = over;
    this.#panel.hidden = false;
    this.#say("Asked…", "wait");
    this.#list([], true);
    this.#panel.scrollIntoView({ block: "nearest" });
    try {
      this.#at = (await ask()).headers.get("Location");
      this.#look();
    } catch (error) {
      this.#list([], false);
      this.#end(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message, "bad", null);
    }
  }

  async #look() {
    clearTimeout(this.#timer);
    if (!this.#at || this.#at === "asked" || this.#busy) return;
    this.#busy = true;
    try {
      const answer = await fetch(this.#at, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.ok) this.#show(await answer.json());
      else if (answer.status < 500) this.#end(`The server answered ${answer.status}. Try again.`, "bad", null);
    } catch {
      // the network; the next look asks again
    } finally {
      this.#busy = false;
      if (this.#at) this.#timer = setTimeout(() => this.#look(), AGAIN);
    }
  }

  #show(operation) {
    const runs = ["pending", "running"].includes(operation.state);
    this.#list(operation.result.stages, runs);
    if (runs) this.#say(operation.state === "pending" ? "Waits for a worker…" : "Runs…", "wait");
    else if (operation.state === "succeeded") this.#end("No stage failed.", "ok", operation);
    else this.#end(operation.error, "bad", operation);
  }

  #end(text, tone, operation) {
    this.#at = "";
    clearTimeout(this.#timer);
    this.#say(text, tone);
    document.querySelector("[data-announce]").textContent = text;
    this.#over(operation);
  }

  #say(text, tone) {
    const place = this.#panel.querySelector("[data-said]");
    place.className = `small tone-${tone}`;
    place.textContent = text;
  }

  #list(stages, runs) {
    const open = new Set([...this.#panel.querySelectorAll("details[open]")].map((found) => found.dataset.stage));
    const next = runs ? [{ stage: upcoming(stages), verdict: "", summary: "…", evidence: [], remedy: "", seconds: 0 }] : [];
    const icon = this.#panel.querySelector("template");
    this.#panel.querySelector("ol").replaceChildren(...[...stages, ...next].map((stage) => line(stage, icon, open)));
  }
}

function upcoming(stages) {
  const names = Object.keys(STAGES);
  return names[names.indexOf(stages.at(-1)?.stage) + 1] ?? names.at(-1);
}

function line({ stage, verdict, summary, evidence, remedy, seconds }, icon, open) {
  const row = document.createElement("li");
  row.className = `tone-${TONES[verdict] ?? "wait"}`;
  row.dataset.verdict = verdict || "running";
  const shape = icon.content.cloneNode(true);
  const use = shape.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${TONES[verdict] ?? "wait"}`));
  const name = part("b", STAGES[stage] ?? stage);
  const word = part("span", WORDS[verdict] ?? "running");
  word.className = "sr";
  const time = part("span", seconds >= 0.001 ? `${seconds.toFixed(seconds < 1 ? 3 : 1)} s` : "");
  time.className = "muted num";
  row.append(shape, name, word, part("span", summary), time);
  if (remedy) {
    const what = part("p", remedy);
    what.className = "remedy";
    what.prepend(part("b", "What to do: "));
    row.append(what);
  }
  if (evidence.length) row.append(found(stage, evidence, open));
  return row;
}

function found(stage, evidence, open) {
  const details = document.createElement("details");
  details.dataset.stage = stage;
  details.open = open.has(stage);
  details.append(part("summary", "What was found"), part("pre", evidence.join("\n")));
  return details;
}

function part(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

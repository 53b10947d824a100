// Shows what dug.web tells. Texts reach the page by textContent only; `page.ask` is the one function that asks.
// The address after # says what is shown: #nodes?text=spot&state=failed, #failures, #node?name=book(), #graph.
// A `Page` stands in a tab of the browser or in a cell of a notebook; there may be several, so no state is outside of it.

const ROW = 32; // the height of a row, as the style sheet has it
const PAGE = 200; // how many rows an answer has
const PAUSE = 250; // milliseconds between two looks at something that may change
const BOX = { width: 216, height: 34, right: 276, down: 46 };
const STREAM = { width: 236, height: 52, right: 420, down: 72 }; // a box of a running flow, with room for words on lines
const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = [
  ["node", "c-name", "name"], ["state", "c-state", "state"], ["value", "c-value", ""],
  ["by itself", "c-time number", "own"], ["took", "c-time c-total number", "seconds"], ["read by", "c-read number", "read"],
];

// Making elements

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null)); // a text becomes a text node, whatever is in it
  return made;
}

function draw(tag, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
const link = (view, query) => `#${view}?${new URLSearchParams(query)}`;
const stateOf = (state, text = state) => make("span", { class: `state ${state}` }, text);
const nodeLink = (one) => make("a", { class: "name", href: link("node", { name: one.name }), title: one.text }, one.text);

function inSeconds(seconds) {
  if (!seconds) return "";
  if (seconds < 1e-6) return "< 1 µs";
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
}

function inBytes(size) {
  const units = ["bytes", "kB", "MB", "GB"];
  const power = Math.min(3, size < 1000 ? 0 : Math.floor(Math.log10(size) / 3));
  return power ? `${(size / 1000 ** power).toPrecision(3)} ${units[power]}` : count(size, "byte");
}

// What is shown

// `top` is the document, or the root of what is drawn in a cell; `body` is the element that has the whole page; `way` says how the
// page asks, where its address is, and when it looks again.
class Page {
  head = null;
  shown = null; // the view: its name, its query, and what brings it up to date
  asked = 0; // so that an answer that comes late does not replace a later one
  isOfLook = false; // the trouble that is shown is one of looking by itself, not of what somebody did

  constructor(top, body, way) {
    Object.assign(this, { top, body, way });
  }

  ask(path, body = null) {
    return this.way.ask(path, body);
  }

  get(id) {
    return this.top.getElementById(id);
  }

  // Goes to an address; the one that is shown already is shown anew.
  async go(address) {
    if (this.way.read() === address) await this.show();
    else this.way.write(address);
  }

  readAddress() {
    const [view, query] = this.way.read().slice(1).split(/\?(.*)/s);
    const known = VIEWS[view] || this.head?.panels.some(([name]) => name === view);
    return { view: known ? view : this.head?.first || "nodes", query: Object.fromEntries(new URLSearchParams(query || "")) };
  }

  tell(error, byLook = false) {
    if (!error && byLook && !this.isOfLook) return;
    this.isOfLook = byLook;
    const trouble = this.get("trouble");
    trouble.textContent = error ? String(error.message || error) : "";
    trouble.hidden = !error;
  }

  async guarded(work, byLook = false) {
    try {
      await work();
      this.tell(null, byLook);
    } catch (error) {
      this.tell(error, byLook);
    }
  }

  async refreshHead() {
    const next = await this.ask("head");
    const isNew = this.head === null || next.number !== this.head.number;
    const head = this.head = next;
    this.way.name(head.title);
    this.get("title").textContent = head.title;
    this.get("about").textContent = `${head.kind}, ${head.live ? "as of" : ""} ${head.since.replace("+00:00", " UTC")}, ${count(head.nodes, "node")}`;
    if (isNew) {
      const items = Object.entries(head.states).map(([state, number]) =>
        make("li", {}, make("a", { href: link("nodes", { state }) }, stateOf(state, `${number.toLocaleString("en")} ${state}`))));
      this.get("counts").replaceChildren(...items);
      this.body.dataset.number = head.number;
    }
    return isNew;
  }

  async show() {
    const { view, query } = this.readAddress();
    const number = ++this.asked;
    const first = this.head?.first;
    const entries = [["nodes", "Nodes"], ["failures", "Failures"], ["graph", "Graph"], ...(this.head?.panels || [])];
    entries.sort((one, other) => (other[0] === first) - (one[0] === first));
    this.get("nav").replaceChildren(...entries.map(([name, text]) =>
      make("a", { href: `#${name}`, "aria-current": name === view ? "page" : null }, text)));
    await this.guarded(async () => {
      const made = await (VIEWS[view] || showPanel)(this, query, view);
      if (number !== this.asked) return;
      const isOther = VIEWS[view] ? this.shown?.query.name !== query.name : String(new URLSearchParams(this.shown?.query)) !== String(new URLSearchParams(query));
      const moved = this.shown !== null && (this.shown.view !== view || isOther);
      this.shown = { view, query, refresh: made.refresh, isBusy: made.isBusy || (() => false) };
      this.get("main").replaceChildren(...made.parts);
      this.body.dataset.view = view;
      if (moved) {
        this.get("main").focus({ preventScroll: true });
        this.way.rise();
      }
      if (made.after) made.after();
    });
  }

  async follow() {
    while (this.way.isThere()) {
      const isBusy = this.shown?.isBusy();
      if (this.head && (this.head.live || isBusy) && !document.hidden) {
        await this.guarded(async () => {
          const isNew = this.head.live && (await this.refreshHead());
          if (this.shown && (isNew || isBusy)) await this.shown.refresh();
        }, true);
      }
      await this.way.rest(this.shown?.isBusy());
    }
  }

  // Shows what its address says, and whatever it says later.
  async begin() {
    this.body.append(...makeFrame(this));
    this.way.listen((trouble) => this.tell(trouble, true), async () => {
      const focused = this.top.activeElement?.id;
      const caret = this.top.activeElement?.selectionStart;
      await this.show();
      if (["text", "function", "state"].includes(focused) && this.get(focused)) {
        this.get(focused).focus({ preventScroll: true });
        if (focused === "text") this.get("text").setSelectionRange(caret, caret);
      }
    });
    await this.guarded(() => this.refreshHead());
    await this.show();
    this.follow();
  }
}

function makeFrame(page) {
  const main = make("main", { id: "main", tabindex: "-1" });
  const skip = (event) => { event.preventDefault(); main.focus(); };
  const { back } = page.way;
  return [
    make("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    make("header", {}, make("h1", { id: "title" }, "dug"), make("p", { id: "about" }), make("ul", { id: "counts", "aria-label": "Nodes by state" }),
      make("div", { class: "bar" }, make("nav", { id: "nav", "aria-label": "Views" }), back ? make("button", { type: "button", onclick: back }, "Back") : null)),
    make("p", { id: "trouble", role: "alert", hidden: true }),
    main,
  ];
}

// Replaces a part of the page, and leaves the focus and the places to which its parts were scrolled.
function replaceIn(parent, parts) {
  keepPlaces(parent, () => parent.replaceChildren(...parts));
}

function keepPlaces(parent, replace) {
  const active = activeNear(parent);
  const focused = parent.contains(active) ? keyOf(active) : null;
  const scrolled = [...parent.querySelectorAll("[data-scroll]")].map((one) => [one.dataset.scroll, one.scrollTop, one.scrollLeft]);
  const opened = [...parent.querySelectorAll("details")].map((one) => one.open);
  const typed = [...parent.querySelectorAll("input[type=text]")].map((one) => [one.id, one.value, one.selectionStart, one.selectionEnd]);
  replace();
  for (const [id, value, start, end] of typed) {
    const one = parent.querySelector(`#${CSS.escape(id)}`);
    if (one) Object.assign(one, { value, selectionStart: start, selectionEnd: end });
  }
  for (const [name, top, left] of scrolled) {
    const one = parent.querySelector(`[data-scroll="${CSS.escape(name)}"]`);
    if (one) one.scrollTo(left, top);
  }
  [...parent.querySelectorAll("details")].forEach((one, place) => { if (opened[place] !== undefined) one.open = opened[place]; });
  if (focused) [...parent.querySelectorAll("a, input, select, button, [tabindex]")].find((one) => keyOf(one) === focused)?.focus();
}

const activeNear = (one) => one.getRootNode().activeElement ?? null; // a cell of a notebook has a root of its own
const keyOf = (one) => `${one.tagName} ${one.id} ${one.getAttribute("href")}`;

// The table of nodes

async function showNodes(page, query) {
  const filters = { text: query.text || "", function: query.function || "", state: query.state || "", sort: query.sort || "" };
  const total = make("p", { class: "faint", role: "status", id: "total" });
  const body = make("tbody");
  const table = make("table", { "aria-label": "Nodes" },
    make("thead", {}, make("tr", {}, ...COLUMNS.map(([text, kind, sort]) => headCell(text, kind, sort, filters)))), body);
  const scroller = make("div", { class: "rows", tabindex: "0", "data-scroll": "rows", role: "region", "aria-label": "Table of nodes" }, table);
  const known = new Map();
  let rows = 0;

  async function fetchPart(number) {
    if (known.has(number)) return;
    known.set(number, null);
    const said = await page.ask(`rows?${new URLSearchParams({ ...filters, first: number * PAGE })}`);
    known.set(number, said.rows);
    rows = said.total;
    total.textContent = count(rows, "node");
    scroller.dataset.total = rows;
  }

  function paint() {
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 10);
    const last = Math.min(rows, first + Math.ceil((scroller.clientHeight || 600) / ROW) + 20);
    const active = activeNear(body);
    const focused = body.contains(active) ? active.getAttribute("href") : null;
    const made = [spacer(first * ROW)];
    for (let place = first; place < last; place++) {
      const row = known.get(Math.floor(place / PAGE))?.[place % PAGE];
      made.push(row ? makeRow(row, place) : make("tr", { class: "row" }, make("td", {}, "…")));
    }
    made.push(spacer((rows - last) * ROW));
    table.setAttribute("aria-rowcount", rows + 1);
    body.replaceChildren(...made);
    if (focused) [...body.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus({ preventScroll: true });
    const wanted = [Math.floor(first / PAGE), Math.floor(Math.max(first, last - 1) / PAGE)].filter((number) => !known.has(number));
    if (wanted.length) page.guarded(async () => { await Promise.all(wanted.map(fetchPart)); paint(); });
  }

  async function refresh() {
    const numbers = [...known.keys()];
    const near = Math.floor(scroller.scrollTop / ROW / PAGE);
    known.clear();
    await Promise.all(numbers.filter((number) => Math.abs(number - near) < 2).map(fetchPart));
    paint();
  }

  scroller.addEventListener("scroll", () => requestAnimationFrame(paint));
  await fetchPart(0);
  return { parts: [make("h2", {}, "Nodes"), makeFilters(page, filters), total, scroller], refresh, after: paint };
}

function headCell(text, kind, sort, filters) {
  const isSorted = sort !== "" && filters.sort === sort;
  const direction = sort === "name" || sort === "state" ? "ascending" : "descending";
  const inside = sort ? make("a", { href: link("nodes", { ...filters, sort: isSorted ? "" : sort }) }, isSorted ? `${text} ▾` : text) : text;
  return make("th", { class: kind, scope: "col", "aria-sort": isSorted ? direction : null }, inside);
}

const spacer = (height) => {
  const made = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td")); // of one column, as some are hidden where it is narrow
  made.firstChild.style.height = `${Math.max(0, height)}px`;
  return made;
};

function makeRow(row, place) {
  return make("tr", { class: "row", "aria-rowindex": place + 2 },
    make("td", { class: "c-name" }, nodeLink(row)),
    make("td", { class: "c-state" }, stateOf(row.state, row.source ? `${row.state}, source` : row.state)),
    make("td", { class: "c-value value", title: row.value }, row.value),
    make("td", { class: "c-time number" }, inSeconds(row.own)),
    make("td", { class: "c-time c-total number" }, inSeconds(row.seconds)),
    make("td", { class: "c-read number" }, row.read ? row.read.toLocaleString("en") : ""));
}

function makeFilters(page, filters) {
  const go = (changes) => page.way.write(link("nodes", { ...filters, ...changes }));
  let waiting = null;
  const text = make("input", { id: "text", type: "search", value: filters.text, autocomplete: "off", spellcheck: "false", oninput: () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (page.readAddress().view === "nodes") go({ text: text.value }); }, 150);
  } });
  const functions = page.head.functions.map(([name, number]) => [name, `${name} (${number.toLocaleString("en")})`]);
  const states = Object.keys(page.head.states).map((state) => [state, state]);
  return make("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
    make("label", {}, "Search", text),
    make("label", {}, "Function", makeSelect("function", functions, filters.function, go)),
    make("label", {}, "State", makeSelect("state", [...states, ["source", "source"]], filters.state, go)));
}

function makeSelect(name, options, chosen, go) {
  const known = options.some(([value]) => value === chosen) || !chosen ? options : [...options, [chosen, chosen]];
  return make("select", { id: name, onchange: (event) => go({ [name]: event.target.value }) },
    ...[["", "all"], ...known].map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
}

// Failures, by the place that raised

async function showFailures(page) {
  const inside = make("div", { id: "failures" });
  async function refresh() {
    const said = await page.ask("failures");
    const parts = said.groups.map((group) => make("section", { class: "place" },
      make("h3", { class: "failed" }, group.error),
      make("p", { class: "faint" }, `${group.place || "no place is known"}, ${count(group.count, "node")}`),
      makeList(group.nodes, group.count, (one) => (one.passed ? " passed it on" : " raised it")),
      make("details", {}, make("summary", {}, "Traceback"), make("pre", {}, group.traceback))));
    const more = said.places > said.groups.length ? [make("p", {}, `${said.places - said.groups.length} more places`)] : [];
    replaceIn(inside, parts.length ? [...parts, ...more] : [make("p", {}, "Nothing failed.")]);
  }
  await refresh();
  return { parts: [make("h2", {}, "Failures, by the place that raised"), inside], refresh };
}

function makeList(nodes, total, say) {
  const items = nodes.map((one) => make("li", {}, stateOf(one.state, ""), nodeLink(one), make("span", { class: "value" }, say(one))));
  if (total > nodes.length) items.push(make("li", { class: "faint" }, `${(total - nodes.length).toLocaleString("en")} more`));
  return make("ul", { class: "list" }, ...items);
}

// One node

async function showNode(page, query) {
  const facts = make("div", { id: "node" });
  const picture = makePicture(page, { name: query.name, up: query.up || 2, down: query.down || 2 });
  async function refresh() {
    const [node] = await Promise.all([page.ask(`node?${new URLSearchParams({ name: query.name })}`), picture.refresh()]);
    replaceIn(facts, tellNode(node, page));
  }
  await refresh();
  return { parts: [facts, make("h2", {}, "Graph around it"), picture.controls, picture.frame], refresh, after: picture.fit };
}

function tellNode(node, page) {
  const about = node.about;
  const rows = [
    ["state", stateOf(node.state, node.source ? `${node.state}, source` : node.state)],
    ["function", make("a", { class: "name", href: link("nodes", { function: node.function }) }, node.function)],
    ["tweak", node.tweak], ["type", about.type], ["shape", about.shape], ["dtype", about.dtype],
    ["columns", about.columns && about.columns.join(", ")],
    ["size", about.bytes || node.size ? inBytes(about.bytes || node.size) : null], ["not kept", about.absent],
    ["took", node.seconds ? `${inSeconds(node.seconds)}, ${inSeconds(node.own) || "0 s"} by itself` : null],
    ["began in", node.origin && node.origin.name !== node.name ? nodeLink(node.origin) : null],
  ].filter(([, said]) => said).flatMap(([name, said]) => [make("dt", {}, name), make("dd", {}, said)]);
  const block = (title, text) => (text ? [make("h2", {}, title), make("pre", { "data-scroll": title, tabindex: "0", "aria-label": title }, text)] : []);
  const equals = (one) => (one.value ? `${one.state === "failed" ? " raised " : " = "}${one.value}` : "");
  return [
    make("h2", { class: "name" }, node.text),
    ...block(about.error ? "Error" : "Value", about.error || about.value), make("dl", {}, ...rows),
    ...block("Explanation", node.explain), ...tellParts(node.more, page),
    make("div", { class: "columns" },
      make("section", {}, make("h2", {}, `Reads ${count(node.reads_total, "node")}`), makeList(node.reads, node.reads_total, equals)),
      make("section", {}, make("h2", {}, `Read by ${count(node.readers_total, "node")}`), makeList(node.readers, node.readers_total, equals))),
    ...block("Traceback", node.traceback), ...block("Source text", node.code),
  ];
}

// Graphs

async function showGraph(page) {
  const picture = makePicture(page, {});
  await picture.refresh();
  return { parts: [make("h2", {}, "The whole graph"), picture.controls, picture.frame], refresh: picture.refresh, after: picture.fit };
}

// The window of a picture moves and grows by its viewBox alone.
function makePicture(page, query) {
  const svg = draw("svg", { role: "group", "aria-label": "Graph: what was read is on the left" });
  const frame = make("div", { class: query.name ? "picture" : "picture whole", id: "picture" }, svg);
  const said = make("p", { class: "faint", role: "status" });
  let size = { width: 1, height: 1 };
  let seen = { x: 0, y: 0, width: 1, height: 1 };

  const look = () => svg.setAttribute("viewBox", `${seen.x} ${seen.y} ${seen.width} ${seen.height}`);
  function fit() {
    const ratio = (frame.clientWidth || 800) / (frame.clientHeight || 400);
    const width = Math.max(size.width, size.height * ratio, 560);
    const middle = svg.querySelector(".middle");
    const readable = 2.2 * (frame.clientWidth || 800); // wider than that, its texts cannot be read
    const isSmall = width < readable || !middle;
    seen = { width: isSmall ? width : readable * 0.7, height: (isSmall ? width : readable * 0.7) / ratio };
    const [x, y] = isSmall ? [size.width / 2, size.height / 2] : [Number(middle.dataset.x), Number(middle.dataset.y)];
    Object.assign(seen, { x: x - seen.width / 2, y: y - seen.height / 2 });
    look();
  }
  function zoom(factor, x = seen.x + seen.width / 2, y = seen.y + seen.height / 2) {
    const by = Math.min(Math.max(factor, 120 / seen.width), (20 * (size.width + size.height)) / seen.width);
    seen = { x: x - (x - seen.x) * by, y: y - (y - seen.y) * by, width: seen.width * by, height: seen.height * by };
    look();
  }
  function pan(right, down) {
    seen.x += right * seen.width;
    seen.y += down * seen.height;
    look();
  }
  async function refresh() {
    const path = query.name ? `around?${new URLSearchParams(query)}` : "graph";
    const graph = await page.ask(path);
    size = paintGraph(svg, graph);
    frame.dataset.boxes = graph.boxes.length;
    const left = graph.left_out ? `, ${graph.left_out.toLocaleString("en")} more left out` : "";
    said.textContent = `${count(graph.boxes.length, graph.by)}${left}`;
  }
  function makeSlider(way, text) {
    const value = make("output", {}, ` ${query[way]}`);
    return make("label", { for: way }, make("span", {}, text, value),
      make("input", { id: way, type: "range", min: 0, max: 10, value: query[way], oninput: (event) => {
        query[way] = event.target.value;
        value.textContent = ` ${query[way]}`;
        page.way.replace(link("node", query));
        page.guarded(async () => { await refresh(); fit(); });
      } }));
  }
  followPointers(svg, frame, () => seen, zoom, pan);
  svg.addEventListener("keydown", (event) => steer(event, svg, zoom, pan, fit));
  const button = (text, label, onclick) => make("button", { type: "button", "aria-label": label, onclick }, text);
  const controls = make("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
    ...(query.name ? [makeSlider("up", "Steps to what it read"), makeSlider("down", "Steps to what read it")] : []),
    button("+", "Zoom in", () => zoom(0.75)), button("−", "Zoom out", () => zoom(1.33)), button("Fit", "Show all of it", fit), said);
  return { frame, controls, refresh, fit };
}

function paintGraph(svg, graph, size = BOX) {
  const places = new Map(graph.boxes.map((box) => [box.name, { x: box.column * size.right + 20, y: box.row * size.down + 20 }]));
  const active = activeNear(svg);
  const focused = svg.contains(active) ? active.dataset.name : null;
  const lines = graph.lines.map(([from, to]) => {
    const [a, b] = [places.get(from), places.get(to)];
    const [x, y, u, v] = [a.x + size.width, a.y + size.height / 2, b.x, b.y + size.height / 2];
    const bend = Math.max(30, Math.abs(u - x) / 2);
    const line = draw("path", { d: `M${x} ${y} C${x + bend} ${y} ${u - bend} ${v} ${u} ${v}` });
    Object.assign(line.dataset, { from, to });
    return line;
  });
  const boxes = graph.boxes.map((box) => makeBox(box, places.get(box.name), graph, size));
  svg.replaceChildren(...lines, ...boxes, ...graph.boxes.flatMap((box) => writeWords(box, graph.lines, places, size)));
  if (focused) boxes.find((box) => box.dataset.name === focused)?.focus();
  for (const box of boxes) {
    const mark = (isNear) => lines.forEach((line) =>
      line.classList.toggle("near", isNear && [line.dataset.from, line.dataset.to].includes(box.dataset.name)));
    for (const [event, isNear] of [["focus", true], ["blur", false], ["mouseenter", true], ["mouseleave", false]]) {
      box.addEventListener(event, () => mark(isNear));
    }
  }
  const ends = [...places.values()];
  return { width: Math.max(1, ...ends.map((one) => one.x)) + size.width + 20, height: Math.max(1, ...ends.map((one) => one.y)) + size.height + 20 };
}

// The words on the lines to a box stand before it, one below the other, in the order in which the lines come in.
function writeWords(box, lines, places, size) {
  const said = lines.filter(([, to, word]) => word && to === box.name).sort(([a], [b]) => places.get(a).y - places.get(b).y);
  const { x, y } = places.get(box.name);
  return said.map(([, , word], place) =>
    draw("text", { x: x - 8, y: y + size.height / 2 + 14 * (place - (said.length - 1) / 2) + 4, "text-anchor": "end", class: "word" }, word));
}

function makeBox(box, place, graph, size) {
  const address = box.node === null ? null : graph.by === "function" ? link("nodes", { function: box.name }) : link("node", { name: box.node ?? box.name });
  const made = draw(address ? "a" : "g", { ...(address && { href: address }), class: `${box.state}${box.name === graph.middle ? " middle" : ""}`, "aria-label": `${box.text}, ${box.note || box.state}` });
  Object.assign(made.dataset, { name: box.name, x: place.x + size.width / 2, y: place.y + size.height / 2 });
  const characters = [...box.text];
  const short = characters.length > 27 ? `${characters.slice(0, 26).join("")}…` : box.text;
  made.append(draw("title", {}, box.text), draw("rect", { x: place.x, y: place.y, width: size.width, height: size.height, rx: box.state === "failed" ? 0 : 6 }),
    draw("text", { x: place.x + 10, y: place.y + 21 }, short));
  if (box.note) made.append(draw("text", { x: place.x + 10, y: place.y + 40, class: "note" }, box.note));
  return made;
}

function followPointers(svg, frame, getSeen, zoom, pan) {
  const pointers = new Map();
  let moved = 0;
  let spread = 0;
  const spreadOf = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY); };
  svg.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    moved = 0;
    if (pointers.size === 2) spread = spreadOf();
  });
  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, event);
    moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (moved > 4 && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      const now = spreadOf();
      if (now > 0 && spread > 0) zoom(spread / now);
      spread = now;
    } else pan((before.clientX - event.clientX) / frame.clientWidth, (before.clientY - event.clientY) / frame.clientHeight);
  });
  for (const name of ["pointerup", "pointercancel"]) svg.addEventListener(name, (event) => pointers.delete(event.pointerId));
  svg.addEventListener("dragstart", (event) => event.preventDefault());
  svg.addEventListener("click", (event) => { if (moved > 4) event.preventDefault(); }, true);
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [seen, at] = [getSeen(), frame.getBoundingClientRect()];
    zoom(1.0015 ** event.deltaY, seen.x + ((event.clientX - at.left) / at.width) * seen.width, seen.y + ((event.clientY - at.top) / at.height) * seen.height);
  }, { passive: false });
}

// Arrow keys go to the next box in their direction; with Shift they move the picture.
function steer(event, svg, zoom, pan, fit) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const way = ways[event.key];
  if (event.key === "+" || event.key === "=") zoom(0.75);
  else if (event.key === "-") zoom(1.33);
  else if (event.key === "0") fit();
  else if (way && event.shiftKey) pan(way[0] * 0.15, way[1] * 0.15);
  else if (way) findNext(svg, activeNear(svg), way)?.focus();
  else return;
  event.preventDefault();
}

function findNext(svg, from, [right, down]) {
  let best = null;
  let least = Infinity;
  for (const box of svg.querySelectorAll("a")) {
    const [x, y] = [box.dataset.x - from.dataset.x, box.dataset.y - from.dataset.y];
    const onward = x * right + y * down;
    const aside = Math.abs(x * down) + Math.abs(y * right);
    if (onward > 1 && onward + 2 * aside < least) [best, least] = [box, onward + 2 * aside];
  }
  return best;
}

// Panels: what a page shows beside nodes, in parts that the server tells

async function showPanel(page, query, name) {
  const inside = make("div", { id: name, class: "panel" });
  const title = page.head.panels.find(([one]) => one === name)[1];
  let isBusy = false;
  let before = [];
  async function refresh() {
    const said = await page.ask(`${name}?${new URLSearchParams(query)}`);
    isBusy = said.busy;
    inside.dataset.busy = isBusy;
    const now = said.parts.map((part) => JSON.stringify(part));
    const changed = now.flatMap((text, place) => (text === before[place] ? [] : [place]));
    if (now.length !== before.length) replaceIn(inside, tellParts(said.parts, page));
    else if (changed.length) keepPlaces(inside, () => { // what is marked elsewhere stays marked
      const parts = tellParts(changed.map((place) => said.parts[place]), page);
      changed.forEach((place, number) => inside.children[place].replaceWith(parts[number]));
    });
    before = now;
  }
  await refresh();
  return { parts: [make("h2", {}, title), inside], refresh, isBusy: () => isBusy };
}

const PARTS = {
  line: (part) => make("p", { class: `${part.is_title ? "title" : ""} deep${part.depth || 0}` }, part.text),
  text: (part) => make("section", {}, part.title ? make("h2", {}, part.title) : null,
    make("pre", { "data-scroll": part.title, tabindex: "0", "aria-label": part.title || "text" }, part.text)),
  table: tellTable,
  folded: (part, page) => make("details", { open: part.is_open }, make("summary", {}, part.title), make("div", { class: "inside" }, ...tellParts(part.parts, page))),
  links: (part) => make("ul", { class: "list" }, ...part.links.map((one) => make("li", {}, make("a", { class: "name", href: link(one.view, one.query) }, one.text)))),
  choices: (part) => make("p", { class: "choices" }, ...part.links.map((one) =>
    make("a", { href: link(one.view, one.query), "aria-current": one.is_current ? "true" : null }, one.text))),
  meter: tellMeter,
  try: tellTry,
  picture: tellPicture,
};

const tellParts = (parts, page) => parts.map((part) => PARTS[part.kind](part, page));

const leadOf = (cell) => (cell.view ? link(cell.view, cell.query) : cell.name === undefined ? null : link("node", { name: cell.name }));

function tellTable(part) {
  const isNumber = part.columns.map((_, place) => part.rows.every((row) => row.cells.length < part.columns.length || NUMBER.test(row.cells[place].text)));
  const cellOf = (cell, place, row) => make("td", {
    class: `${place === 0 ? `deep${row.depth}` : ""} ${isNumber[place] ? "number" : ""} ${cell.text.length > 14 ? "long" : "short"} ${cell.class || ""}`,
    colspan: row.cells.length < part.columns.length ? part.columns.length : null,
  }, leadOf(cell) ? make("a", { class: "name", href: leadOf(cell) }, cell.text) : make("span", { class: "value" }, cell.text));
  const rows = part.rows.map((row) => make("tr", { class: "row" }, ...row.cells.map((cell, place) => cellOf(cell, place, row))));
  const heads = part.columns.map((text, place) => make("th", { scope: "col", class: isNumber[place] ? "number" : "" }, text));
  return make("section", {}, part.title ? make("h2", {}, part.title) : null,
    make("div", { class: "told", tabindex: "0", role: "region", "aria-label": part.title || "Table", "data-scroll": `table ${part.title} ${part.columns.join()}` },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows))),
    part.more ? make("p", { class: "faint" }, part.more) : null);
}

const NUMBER = /^([-+]?[\d.,]+(e[-+]\d+)?%?( (s|ms|us|bytes|[kMGT]B))?|[-+]?(nan|inf)|failed|)$/;

function tellMeter(part) {
  const of = part.total === null ? `${part.done.toLocaleString("en")}` : `${part.done.toLocaleString("en")} of ${part.total.toLocaleString("en")}`;
  return make("p", { class: "meter" }, make("progress", { max: part.total ?? 1, value: part.total === null ? null : part.done, "aria-label": part.label }),
    make("span", { role: "status" }, ` ${of} ${part.label}`));
}

function tellTry(part, page) {
  const value = make("input", { id: "value", type: "text", value: part.value, autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "forms" });
  const go = async (event) => {
    event.preventDefault();
    await page.guarded(async () => {
      await page.ask("try", { name: part.name, value: value.value });
      await page.go(link("trial", { name: part.name, value: value.value }));
    });
  };
  return make("form", { class: "filters try", onsubmit: go },
    make("label", {}, make("span", {}, "What if ", make("span", { class: "name" }, part.text), " were"), value), make("button", {}, "Try it"),
    make("p", { id: "forms", class: "faint" }, `A literal, or ${part.forms}. It is computed beside this, and nothing here is changed.`));
}

// A picture that is told again and again stands as it is, in a frame that scrolls.
function tellPicture(part) {
  const svg = draw("svg", { role: "group", "aria-label": part.title });
  const { width, height } = paintGraph(svg, part, STREAM);
  for (const [name, value] of [["width", width], ["height", height], ["viewBox", `0 0 ${width} ${height}`]]) svg.setAttribute(name, value);
  return make("section", {}, make("h2", {}, part.title),
    make("div", { class: "told drawn", tabindex: "0", role: "region", "aria-label": part.title, "data-scroll": `picture ${part.title}` }, svg));
}

const VIEWS = { nodes: showNodes, failures: showFailures, node: showNode, graph: showGraph };

// In a tab of the browser

async function askServer(path, body) {
  const sent = body === null ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`data/${path}`, sent).catch(() => {
    throw new Error("dug does not answer: the process that shows this page may have ended.");
  });
  const said = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(said.error);
  return said;
}

const TAB = {
  ask: askServer,
  read: () => location.hash,
  write: (address) => { location.hash = address; },
  replace: (address) => history.replaceState(null, "", address),
  listen: (tell, moved) => addEventListener("hashchange", moved),
  rest: () => new Promise((go) => { setTimeout(go, PAUSE); }),
  isThere: () => true,
  name: (title) => { document.title = `${title} – dug`; },
  rise: () => scrollTo(0, 0),
};

if (document.documentElement.dataset.page === "dug") {
  if (new URLSearchParams(location.search).has("token")) history.replaceState(null, "", location.pathname + location.hash); // the cookie has it
  new Page(document, document.body, TAB).begin();
}

// In a cell of a notebook: a question is a message to the kernel, which says when to look again, and the address is the cell's own

const PATIENCE = 2_000; // milliseconds until a page says that it waits
const UNANSWERED = 700; // milliseconds until a page that was never answered shows what was kept in the notebook

class Cell {
  waiting = new Map(); // by the number of a question, what takes its answer
  asked = 0;
  own = `${Math.random()}`; // the same model may be shown in several cells
  isAnswered = false;
  address = "";
  visited = [];
  isMoved = false;
  isEnded = false;
  wake = () => {};

  constructor(model) {
    this.model = model;
    this.receive = (said) => this.take(said);
    model.on("msg:custom", this.receive);
  }

  take(said) {
    const give = this.waiting.get(said.id);
    this.waiting.delete(said.id);
    this.isMoved ||= Boolean(said.moved) || !this.isAnswered;
    this.isAnswered ||= give !== undefined;
    if (this.isMoved) this.wake();
    give?.(said);
  }

  ask(path, body) {
    const id = `${this.own} ${++this.asked}`;
    const kept = this.isAnswered || body !== null ? undefined : this.model.get("kept")[path];
    return new Promise((tell, fail) => {
      this.waiting.set(id, ({ status, said }) => { if (status < 400) tell(said); else fail(new Error(said.error)); });
      this.model.send({ id, path, body });
      if (kept) setTimeout(() => tell(kept), UNANSWERED);
      else setTimeout(() => { if (this.waiting.has(id)) this.tell("Python is busy with another cell, or has ended: then run this cell again."); }, PATIENCE);
    });
  }

  read() {
    return this.address;
  }

  write(address) {
    this.visited.push(this.address);
    this.replace(address);
    this.moved();
  }

  replace(address) {
    this.address = address;
  }

  back = () => {
    if (!this.visited.length) return;
    this.address = this.visited.pop();
    this.moved();
  };

  listen(tell, moved) {
    Object.assign(this, { tell, moved });
  }

  rest(isBusy) {
    return new Promise((go) => {
      this.wake = () => { this.isMoved = false; go(); };
      if (this.isMoved || this.isEnded) this.wake();
      else if (isBusy) setTimeout(this.wake, 4 * PAUSE);
    });
  }

  isThere() {
    return !this.isEnded;
  }

  end() {
    this.isEnded = true;
    this.model.off("msg:custom", this.receive);
    this.wake();
  }

  name() {}

  rise() {}
}

function render({ model, el }) {
  const host = make("div", { "data-lm-suppress-shortcuts": "true" }); // or what is typed would be commands of JupyterLab
  const top = host.attachShadow({ mode: "open" }); // styles neither come in nor go out
  const styles = new CSSStyleSheet();
  styles.replaceSync(model.get("styles"));
  top.adoptedStyleSheets = [styles];
  const cell = new Cell(model);
  const body = make("div", { class: "page", lang: "en" });
  const dress = () => { host.style.colorScheme = isDark(host) ? "dark" : "light"; };
  body.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link || event.defaultPrevented) return;
    event.preventDefault();
    cell.write(link.getAttribute("href"));
  });
  for (const name of ["keydown", "keypress", "keyup"]) body.addEventListener(name, (event) => event.stopPropagation());
  host.addEventListener("pointerenter", dress);
  top.append(body);
  el.append(host);
  new Page(top, body, cell).begin().then(dress);
  return () => cell.end();
}

// A notebook has its own way to be dark, so what is looked at is the ground on which the cell stands.
function isDark(from) {
  for (let one = from; one; one = one.parentElement ?? one.getRootNode().host) {
    const [red, green, blue, opacity] = mix(getComputedStyle(one).backgroundColor);
    if (opacity > 127) return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// What a colour is made of, however it is written: as rgb(...), oklch(...) or otherwise.
function mix(colour) {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data;
}

export default { render };

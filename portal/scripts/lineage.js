// The picture of the lineage explorer. Every state is an address: a click fetches the page of the next one, takes its
// tables and data, and draws them; whatever somebody clicked stays where it was.

import dagre from "@dagrejs/dagre";

const picture = document.getElementById("lineage-picture");
const svg = picture.querySelector("svg");
const WIDE = 232;
const HEAD = 46;
const PORT = 26;
const COLUMN = 20;
const LEAST = { wide: 0.5, narrow: 0.85 }; // smaller than this nobody can read it: then it is shown from its middle on
const FURTHEST = 0.08;
const NARROW = 640; // of fewer pixels: a phone, on which lineage runs from above to below
const at = { x: 0, y: 0, k: 1 };
let drawn = null; // what is drawn: its group, places of nodes, size, and whether it runs downwards
const narrow = () => svg.clientWidth < NARROW;

// --- drawing -------------------------------------------------------------------------------------------------------

function make(name, given = {}, parent = null, text = null) {
  const one = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(given)) if (value !== null) one.setAttribute(key, value);
  if (text !== null) one.textContent = text;
  parent?.append(one);
  return one;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function tall(node) {
  if (!node.ports) return HEAD;
  return HEAD + node.ports.reduce((sum, port) => sum + PORT + (port.columns?.length ?? 0) * COLUMN, 0) + 4;
}

function homes(nodes) {
  // where each thing that an edge can end at is: its node, and how far below the node's top
  const found = new Map();
  for (const node of nodes) {
    found.set(node.id, { node: node.id, down: HEAD / 2, whole: true });
    let down = HEAD;
    for (const port of node.ports ?? []) {
      found.set(port.id, { node: node.id, down: down + PORT / 2 });
      down += PORT;
      for (const column of port.columns ?? []) {
        found.set(column.id, { node: node.id, down: down + COLUMN / 2 });
        down += COLUMN;
      }
    }
  }
  return found;
}

function placed(nodes, edges, home, downwards) {
  const graph = new dagre.graphlib.Graph();
  const apart = downwards ? { rankdir: "TB", nodesep: 28, ranksep: 60 } : { rankdir: "LR", nodesep: 22, ranksep: 96 };
  graph.setGraph({ ...apart, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: WIDE, height: tall(node) });
  for (const edge of edges) {
    const [from, to] = [home.get(edge.from)?.node, home.get(edge.to)?.node];
    if (from && to && from !== to) graph.setEdge(from, to);
  }
  dagre.layout(graph);
  return graph;
}

const top = (one) => one.y - one.height / 2;

function wayDown(from, to, a, b) {
  // a node is left below and entered above; a line of one on the side that is nearer to the other end
  const ends = (end, one, leaves) => {
    if (end.whole) return leaves ? [one.x, one.y + one.height / 2, 0, 1] : [one.x, top(one) - 7, 0, -1];
    const [here, there] = leaves ? [a.x, b.x] : [b.x, a.x];
    const side = there - here >= -WIDE / 2 ? 1 : -1; // one under the other: both on the right
    return [one.x + side * (WIDE / 2 + (leaves ? 0 : 7)), top(one) + end.down, side, 0];
  };
  const [x1, y1, dx1, dy1] = ends(from, a, true);
  const [x2, y2, dx2, dy2] = ends(to, b, false);
  const far = Math.max(Math.abs(y2 - y1) / 2, 24);
  const [out, into] = [dy1 ? far : 40, dy2 ? far : 40];
  return `M${x1} ${y1}C${x1 + dx1 * out} ${y1 + dy1 * out} ${x2 + dx2 * into} ${y2 + dy2 * into} ${x2} ${y2}`;
}

function way(edge, graph, home, downwards) {
  const [from, to] = [home.get(edge.from), home.get(edge.to)];
  const [a, b] = [graph.node(from.node), graph.node(to.node)];
  if (downwards && from.node !== to.node) return wayDown(from, to, a, b);
  const start = [a.x + WIDE / 2, top(a) + from.down];
  const end = [b.x - WIDE / 2 - 7, top(b) + to.down];
  if (from.node === to.node) {
    const side = start[0] + 26;
    return `M${start[0]} ${start[1]}C${side} ${start[1]} ${side} ${top(b) + to.down} ${start[0] + 7} ${top(b) + to.down}`;
  }
  const between = (graph.edge(from.node, to.node)?.points ?? []).slice(1, -1);
  const along = end[0] - start[0] > WIDE * 1.5 ? between.map((p) => [p.x, p.y]) : [];
  let path = `M${start[0]} ${start[1]}`;
  let last = start;
  for (const next of [...along, end]) {
    const half = Math.max(Math.abs(next[0] - last[0]) / 2, 12);
    path += `C${last[0] + half} ${last[1]} ${next[0] - half} ${next[1]} ${next[0]} ${next[1]}`;
    last = next;
  }
  return path;
}

const STRIP_OF_HIT = { direct: "bad", indirect: "warn" };

function box(node, graph, layer, downwards) {
  const { x, y, height } = graph.node(node.id);
  const group = make("g", {
    class: `node ${node.kind}${node.center ? " center" : ""}${["retired", "deprecated"].includes(node.status) ? " gone" : ""}`,
    transform: `translate(${x - WIDE / 2} ${y - height / 2})`,
    "data-id": node.id,
  }, layer);
  make("rect", { class: "box", width: WIDE, height, rx: 8 }, group);
  const tone = node.hit ? STRIP_OF_HIT[node.hit] : node.lens?.tone;
  if (node.lens || node.hit) make("path", { class: `strip ${tone ?? ""}`, d: `M0 8a8 8 0 0 1 5-7.4v${height - 1.2}a8 8 0 0 1-5-7.4z` }, group);
  const head = press(group, node.links.center, `${node.id}: show what is around it`);
  make("rect", { class: "line", x: 6, y: 2, width: WIDE - 40, height: HEAD - 4, rx: 6 }, head);
  make("text", { class: "title", x: 14, y: 20 }, head, short(node.title, node.links.toggle ? 23 : 28));
  const told = node.hit ? (node.hit === "direct" ? "values flow here" : "rows depend on it") : node.lens?.text;
  const sub = told ?? (node.kind === "source" ? `source of ${node.domain}` : node.id);
  make("text", { class: `sub ${tone ? `tone-${tone}` : ""}`, x: 14, y: 36 }, head, short(sub, 31));
  if (node.links.toggle) {
    const toggle = press(group, node.links.toggle, node.ports ? `close ${node.id}` : `show the ports of ${node.id}`);
    make("rect", { class: "line", x: WIDE - 32, y: 10, width: 26, height: 26, rx: 6 }, toggle);
    make("path", { class: "chevron", d: node.ports ? `M${WIDE - 24} 25l5-5 5 5` : `M${WIDE - 24} 20l5 5 5-5` }, toggle);
  }
  let down = HEAD;
  for (const port of node.ports ?? []) {
    down = portLines(port, down, group);
  }
  // Beside the box, under the arrow that ends in its middle: within it they would lie on its words.
  const knobs = downwards ? [["up", WIDE - 28, -20], ["down", WIDE - 28, height + 2]] : [["up", -17, HEAD - 16], ["down", WIDE + 17, HEAD - 16]];
  for (const [name, side, from] of knobs) {
    if (node.links[name]) {
      const words = `${node.more[name]} more ${name === "up" ? "before" : "behind"} ${node.id}`;
      const grow = press(group, node.links[name], words);
      if (downwards) make("rect", { class: "line", x: side - 22, y: from - 6, width: 44, height: 30 }, grow); // for a thumb
      make("rect", { class: "knob grow", x: side - 15, y: from, width: 30, height: 18, rx: 9 }, grow);
      make("text", { class: "plus", x: side, y: from + 13 }, grow, `+${node.more[name] > 99 ? "99" : node.more[name]}`);
    }
  }
}

function portLines(port, down, group) {
  make("line", { class: "rule", x1: 0, x2: WIDE, y1: down, y2: down }, group);
  const all = port.columns?.length === port.column_count;
  line(group, port, down, PORT, 14, short(port.name, 20), all ? "" : port.columns ? `${port.columns.length} of ${port.column_count}` : `${port.column_count} columns`);
  const toggle = press(group, port.links.toggle, all ? `close ${port.id}` : `show the columns of ${port.id}`);
  make("rect", { class: "line", x: WIDE - 30, y: down + 2, width: 24, height: PORT - 4, rx: 6 }, toggle);
  const middle = down + PORT / 2;
  make("path", { class: "chevron", d: all ? `M${WIDE - 23} ${middle + 2}l5-5 5 5` : `M${WIDE - 23} ${middle - 2}l5 5 5-5` }, toggle);
  down += PORT;
  for (const column of port.columns ?? []) {
    line(group, column, down, COLUMN, 24, short(column.name, 27 - Math.min(beside(column).length, 12)), short(beside(column), 12));
    down += COLUMN;
  }
  return down;
}

function line(group, one, down, height, left, name, beside) {
  const whole = press(group, one.links.center, `${one.id}: show what is around it`);
  make("rect", { class: `line${one.center ? " at" : ""}`, x: 6, y: down + 1, width: WIDE - 40, height: height - 2, rx: 5 }, whole);
  const tone = one.hit ? STRIP_OF_HIT[one.hit] : one.lens?.tone;
  if (tone) make("rect", { class: `strip ${tone}`, x: left - 8, y: down + height / 2 - 4, width: 3, height: 8, rx: 1.5 }, whole);
  make("text", { class: tone ? `tone-${tone}` : "", x: left, y: down + height / 2 + 4 }, whole, name);
  make("text", { class: "sub", x: WIDE - 36, y: down + height / 2 + 4, "text-anchor": "end" }, whole, beside);
}

const beside = (column) => column.lens?.text ?? column.type.toLowerCase();

function press(group, href, words) {
  const one = make("g", { class: "press", "data-href": href }, group);
  make("title", {}, one, words);
  return one;
}

function draw({ nodes, edges }) {
  const home = homes(nodes);
  const downwards = narrow();
  const graph = placed(nodes, edges, home, downwards);
  svg.replaceChildren();
  const defs = make("defs", {}, svg);
  const tip = make("marker", { id: "tip", viewBox: "0 0 8 8", refX: 1, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto", markerUnits: "userSpaceOnUse" }, defs);
  make("path", { class: "tip", d: "M0 0l8 4-8 4z" }, tip);
  const view = make("g", { class: "view" }, svg);
  const lines = make("g", {}, view);
  for (const edge of edges) {
    if (!home.has(edge.from) || !home.has(edge.to)) continue;
    const path = make("path", {
      class: `edge ${edge.kind}${edge.masking ? " masking" : ""}`,
      d: way(edge, graph, home, downwards),
      "marker-end": "url(#tip)",
      "data-from": home.get(edge.from).node,
      "data-to": home.get(edge.to).node,
    }, lines);
    const how = edge.how.length ? `: ${edge.how.join(", ").replaceAll("_", " ")}` : "";
    make("title", {}, path, `${edge.from} → ${edge.to}, ${edge.kind}${how}`);
  }
  const boxes = make("g", {}, view);
  for (const node of nodes) box(node, graph, boxes, downwards);
  const { width, height } = graph.graph();
  drawn = { view, graph, width, height, downwards, nodes: nodes.length };
}

// --- where one looks -----------------------------------------------------------------------------------------------

let asked = 0;
function look() {
  asked ||= requestAnimationFrame(() => {
    asked = 0;
    drawn.view.setAttribute("transform", `translate(${at.x} ${at.y}) scale(${at.k})`);
  });
}

function fit(node, least = drawn.downwards ? LEAST.narrow : LEAST.wide) {
  const { clientWidth: w, clientHeight: h } = svg;
  const k = Math.min(1, (w - 16) / drawn.width, (h - 16) / drawn.height);
  at.k = Math.max(k, least);
  at.x = (w - drawn.width * at.k) / 2;
  at.y = (h - drawn.height * at.k) / 2;
  const center = k < least && node && drawn.graph.node(node);
  if (center) [at.x, at.y] = [shown(at.x, center.x, w, drawn.width), shown(at.y, center.y, h, drawn.height)];
  look();
}

function shown(all, middle, room, size) {
  // where a side has room for all of it, all of it; else the middle
  return size * at.k <= room ? all : room / 2 - middle * at.k;
}

function zoom(by, x = svg.clientWidth / 2, y = svg.clientHeight / 2) {
  const k = Math.min(2.5, Math.max(FURTHEST, at.k * by));
  at.x = x - ((x - at.x) * k) / at.k;
  at.y = y - ((y - at.y) * k) / at.k;
  at.k = k;
  look();
}

let held = null;
const fingers = new Map(); // where each one is; two of them zoom

function between() {
  const [one, other] = [...fingers.values()];
  const frame = svg.getBoundingClientRect();
  return {
    x: (one.x + other.x) / 2 - frame.left,
    y: (one.y + other.y) / 2 - frame.top,
    apart: Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1),
  };
}

svg.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size > 1) for (const id of fingers.keys()) svg.setPointerCapture(id);
  held = { x: event.clientX, y: event.clientY, moved: fingers.size > 1 };
});
svg.addEventListener("pointermove", (event) => {
  if (!held || !drawn || !fingers.has(event.pointerId)) return;
  if (fingers.size > 1) {
    const before = between();
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = between();
    at.x += now.x - before.x;
    at.y += now.y - before.y;
    return void zoom(now.apart / before.apart, now.x, now.y);
  }
  const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
  if (!held.moved && Math.hypot(dx, dy) < 4) return;
  if (!held.moved) svg.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  held = { x: event.clientX, y: event.clientY, moved: true };
  at.x += dx;
  at.y += dy;
  look();
});
function lifted(event) {
  fingers.delete(event.pointerId);
  const [left] = fingers.values();
  held = left ? { ...left, moved: true } : null; // the finger that stays goes on dragging
}
svg.addEventListener("pointerup", (event) => {
  const pressed = held && !held.moved && event.target.closest("[data-href]");
  lifted(event);
  if (pressed) go(pressed.dataset.href, pressed.closest(".node").dataset.id);
});
svg.addEventListener("pointercancel", lifted);
svg.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return; // a wheel alone scrolls the page
  event.preventDefault();
  const frame = svg.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
}, { passive: false });
svg.addEventListener("pointerover", (event) => {
  const node = event.target.closest(".node")?.dataset.id;
  for (const one of svg.querySelectorAll(".edge.on")) one.classList.remove("on");
  if (!node || held) return;
  for (const one of svg.querySelectorAll(".edge")) if (one.dataset.from === node || one.dataset.to === node) one.classList.add("on");
});
const STEPS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
picture.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  at.x += step[0];
  at.y += step[1];
  look();
});

// --- going on ------------------------------------------------------------------------------------------------------

const data = () => JSON.parse(document.getElementById("lineage-data").textContent);
let going = null;

async function go(href, keep = null, push = true) {
  going?.abort();
  const mine = (going = new AbortController());
  document.body.classList.add("busy");
  try {
    const answer = await fetch(href, { headers: { Accept: "text/html" }, signal: mine.signal });
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!answer.ok || answer.redirected || !next.getElementById("lineage-data")) return void location.assign(href);
    if (push) history.pushState(null, "", href);
    const before = keep && drawn.graph.node(keep);
    for (const id of ["lineage-head", "lineage-body"]) {
      const part = document.adoptNode(next.getElementById(id));
      document.getElementById(id).replaceWith(part);
      window.htmx?.process(part);
    }
    document.title = next.title;
    const found = data();
    svg.setAttribute("aria-label", next.querySelector("#lineage-picture svg").getAttribute("aria-label"));
    draw(found);
    const after = before && drawn.graph.node(keep);
    if (after) {
      at.x += (before.x - after.x) * at.k;
      at.y += (before.y - before.height / 2 - (after.y - after.height / 2)) * at.k;
      look();
    } else {
      fit(middle());
    }
  } catch (failed) {
    if (failed.name !== "AbortError") location.assign(href);
  } finally {
    if (going === mine) document.body.classList.remove("busy");
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#lineage-head a, #lineage-body a");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || link.hasAttribute("download")) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || to.pathname !== "/lineage") return;
  event.preventDefault();
  go(to.pathname + to.search, link.closest("tr")?.querySelector(".mono")?.textContent ?? null);
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get" || new URL(form.action).pathname !== "/lineage") return;
  event.preventDefault();
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  go(`/lineage?${new URLSearchParams(given)}`, form.elements.lens ? middle() : null);
});
window.addEventListener("popstate", () => go(location.pathname + location.search, null, false));

// --- kept as a file ------------------------------------------------------------------------------------------------

function standalone() {
  const probe = document.body.appendChild(document.createElement("i"));
  const colour = (name) => ((probe.style.color = `var(${name})`), getComputedStyle(probe).color);
  const rules = [...document.styleSheets]
    .flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => /^\.(node|edge|tip)\b/.test(rule.selectorText ?? ""))
    .map((rule) => rule.cssText.replace(/var\((--[\w-]+)\)/g, (_, name) => colour(name)));
  const ground = colour("--paper");
  probe.remove();
  const copy = svg.cloneNode(true);
  const [width, height] = [Math.ceil(drawn.width), Math.ceil(drawn.height)];
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) copy.setAttribute(key, value);
  copy.querySelector(".view").removeAttribute("transform");
  for (const one of copy.querySelectorAll("[data-href]")) one.removeAttribute("data-href");
  const text = new XMLSerializer().serializeToString(copy);
  const style = `<style>${rules.join("\n").replaceAll("<", "&lt;")}</style><rect width="100%" height="100%" fill="${ground}"/>`;
  return { text: text.replace(/(<svg[^>]*>)/, `$1${style}`), width, height };
}

function keep(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function exported(kind) {
  const { text, width, height } = standalone();
  if (kind === "svg") return keep(new Blob([text], { type: "image/svg+xml" }), "lineage.svg");
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const k = Math.min(2, 16_000 / Math.max(width, height)); // browsers draw no larger pictures
  const canvas = Object.assign(document.createElement("canvas"), { width: width * k, height: height * k });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => keep(blob, "lineage.png"), "image/png");
}

picture.addEventListener("click", (event) => {
  const { zoom: how, export: kind } = event.target.dataset;
  if (how === "fit") fit(null, drawn.downwards ? FURTHEST : undefined);
  else if (how) zoom(how === "in" ? 1.25 : 0.8);
  if (kind) exported(kind);
});

picture.hidden = false;
const middle = () => data().node.split(".").slice(0, 2).join(".");
function begin() {
  draw(data());
  fit(middle());
}
begin();
new ResizeObserver(() => {
  if (svg.clientWidth && narrow() !== drawn.downwards) begin(); // a phone is turned, a window made narrow
}).observe(svg);

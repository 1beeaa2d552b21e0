// The SQL workbench: an editor with completion from the mesh, the schema browser, and answers of the query route.

import { makeEditor } from "./workbench/editor.js";
import { browse } from "./workbench/browser.js";
import { charted } from "./workbench/charts.js";
import { table } from "./workbench/grid.js";
import { by, coded, element, json, number, token } from "./workbench/parts.js";

const form = by("ask");
const ENDINGS = { "text/csv": "csv", "application/vnd.apache.parquet": "parquet", "application/vnd.apache.arrow.stream": "arrow", "application/json": "json" };
const CUT = {
  rows: "this server gives no answer more rows",
  bytes: "this server gives no answer more bytes",
  time: "this server lets no query run longer",
};
const BROKEN = {
  what: "the answer was broken off",
  why: "the query failed in the middle, the right to read was taken away, or CSV would have had more rows or bytes than this server gives",
  fix: "run it again, with a LIMIT; Parquet, Arrow and JSON are cut there and say so",
  code: "",
};
const NO_GRANT = "WFT-ACC-002";
const END = 1_000_000; // bytes in which a file says whether it is whole
const editor = makeEditor(by("editor"), by("sql"), form.dataset.nonce, run);
const grid = table(by("as-table"));
let running = null;
let last = null;

for (const one of document.querySelectorAll(".scripted")) one.hidden = false;
if (location.hash.startsWith("#sql=")) editor.write(decodeURIComponent(location.hash.slice(5)));
browse(by("tables"), by("tables-find"), (text) => editor.insert(text));

// --- asking --------------------------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(diagnostics) {
    super(diagnostics[0]?.what ?? "that did not work");
    this.diagnostics = diagnostics;
  }
}

async function* parts(answer) {
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function asked(form_, limit) {
  const mine = (running = { stop: new AbortController(), since: performance.now(), bytes: 0 });
  progress();
  mine.clock = setInterval(progress, 200);
  by("cancel").hidden = false;
  by("run").disabled = true;
  try {
    const answer = await fetch("/api/v1/query", {
      method: "POST",
      headers: { Accept: form_, "Content-Type": "application/json", "X-CSRF-Token": token() },
      body: JSON.stringify({ sql: editor.text(), limit, purpose: by("purpose").value.trim() || null }),
      signal: mine.stop.signal,
    });
    if (answer.status === 401) return void location.reload();
    if (!answer.ok) throw new Refused((await answer.json().catch(() => ({}))).diagnostics ?? []);
    const held = [];
    try {
      for await (const part of parts(answer)) {
        held.push(part);
        mine.bytes += part.length;
      }
    } catch (failed) {
      throw failed.name === "AbortError" ? failed : new Refused([BROKEN]);
    }
    return new Blob(held, { type: form_ });
  } finally {
    clearInterval(mine.clock);
    running = null;
    by("cancel").hidden = true;
    by("run").disabled = false;
    by("progress").textContent = "";
  }
}

const elapsed = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

function progress() {
  if (!running) return;
  const had = running.bytes ? `, ${number(Math.ceil(running.bytes / 1000))} kB have come` : "";
  by("progress").textContent = `Running for ${elapsed(running.since)}${had}`;
}

async function run() {
  if (running) return;
  const limit = Number(by("limit").value);
  const since = performance.now();
  editor.rest();
  told([]);
  remember();
  try {
    const blob = await asked("application/json", limit);
    if (!blob) return;
    const text = await blob.text();
    const found = whole(text);
    by("progress").textContent = `${rows(found)} in ${elapsed(since)}, ${number(Math.ceil(blob.size / 1000))} kB`;
    show(found);
  } catch (failed) {
    wrong(failed);
  }
}

const rows = (found) => `${number(found.rows.length)} row${found.rows.length === 1 ? "" : "s"}`;

function whole(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused([BROKEN]);
  }
}

function wrong(failed) {
  if (failed.name === "AbortError") {
    by("progress").textContent = "Cancelled. The server stops the query too.";
  } else if (failed instanceof Refused) {
    told(failed.diagnostics.length ? failed.diagnostics : [{ what: "the server gave no answer that can be shown", code: "" }]);
  } else {
    told([{ what: "the server cannot be reached", fix: "try again in a moment", code: "" }]);
  }
}

function told(diagnostics) {
  editor.mark(diagnostics.filter((one) => one.where?.line).map((one) => one.where));
  by("told").replaceChildren(
    ...diagnostics.map((one) => {
      const place = one.where?.line && element("button", { type: "button" }, `line ${one.where.line}, column ${one.where.column}`);
      place?.addEventListener("click", () => editor.goto(one.where));
      const lines = [one.why, one.fix].filter(Boolean).map((text) => element("p", {}, ...coded(text)));
      const head = element("p", {}, element("strong", {}, ...coded(one.what)), " ", place ?? "");
      const port = one.code === NO_GRANT && one.what.match(/`([a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+@\d+)`/)?.[1];
      if (port) lines.push(element("p", {}, element("a", { class: "button", href: `/access/request?port=${encodeURIComponent(port)}` }, "Request access")));
      return element("div", { class: "told bad", role: "alert" }, head, ...lines, element("p", { class: "small soft" }, one.code));
    }),
  );
}

// --- showing -------------------------------------------------------------------------------------------------------

function show(found) {
  last = found;
  by("answer").hidden = false;
  by("nothing")?.remove();
  by("h-answer").textContent = rows(found);
  grid.show(found);
  notes(found);
  const can = charted(found);
  const chart = document.querySelector('[data-as="chart"]');
  chart.disabled = !can;
  chart.title = can ? "" : "no column of this answer can be drawn";
  as(can && chart.getAttribute("aria-pressed") === "true" ? "chart" : "table");
}

function notes(found) {
  const lines = [];
  if (found.truncated) {
    const why = CUT[found.cut];
    const text = `Only the first ${number(found.rows.length)} rows are shown: ${why ? `${why}.` : "you asked for no more. “Export” writes all of them."}`;
    lines.push(element("p", { class: "told warn" }, text));
  }
  for (const one of found.diagnostics ?? []) lines.push(element("p", { class: "told warn" }, ...coded(one.what)));
  for (const address of found.filtered ?? []) lines.push(element("p", { class: "small" }, `Of ${address} you see some rows only.`));
  for (const [address, masks] of Object.entries(found.masked ?? {})) {
    const line = element("div", { class: "small" }, `Masked in ${address}: ${Object.entries(masks).map(([n, m]) => `${n} (${m})`).join(", ")}.`);
    lines.push(line);
    json(`/workbench/table?address=${encodeURIComponent(address)}`).then((port) => reasons(line, port, found)).catch(() => {});
  }
  for (const one of found.notes ?? []) lines.push(element("p", { class: "small soft" }, ...coded(one)));
  by("notes").replaceChildren(...lines);
}

function reasons(line, port, found) {
  const why = port.columns.filter((c) => c.shown === "masked" && c.why.length);
  for (const one of why) grid.reason(one.name, one.why.join(" "), found);
  if (why.length) line.append(element("ul", {}, ...why.map((c) => element("li", {}, element("code", {}, c.name), ": ", ...coded(c.why.join(" "))))));
}

function as(what) {
  for (const one of document.querySelectorAll("[data-as]")) one.setAttribute("aria-pressed", String(one.dataset.as === what));
  by("as-table").hidden = what !== "table";
  by("as-chart").hidden = what !== "chart";
  if (what === "chart") charted.draw();
  else grid.look();
}

// --- the address, and what is kept ---------------------------------------------------------------------------------

const initial = editor.text();
function remember() {
  if (form.dataset.saved && editor.text() === initial) return;
  history.replaceState(null, "", `/workbench#sql=${encodeURIComponent(editor.text())}`);
}

async function exported(kind) {
  try {
    told([]);
    const blob = await asked(kind, null);
    if (!blob) return;
    const link = element("a", { href: URL.createObjectURL(blob), download: `${form.dataset.name || "query"}.${ENDINGS[kind]}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    by("progress").textContent = `Exported ${number(Math.ceil(blob.size / 1000))} kB`;
    const end = kind === "text/csv" ? "" : await blob.slice(Math.max(0, blob.size - END)).text();
    if (/"truncated": ?true/.test(end)) {
      told([{ what: "the file does not hold all rows", why: "this server gives no answer more rows, bytes or time", fix: "export it in parts, each with a WHERE", code: "" }]);
    }
  } catch (failed) {
    wrong(failed);
  }
}

async function save() {
  const name = by("save-name").value;
  const path = `/api/v1/queries/${encodeURIComponent(form.dataset.owner)}/${encodeURIComponent(name)}`;
  const body = JSON.stringify({ sql: editor.text(), title: by("save-title").value, purpose: by("purpose").value.trim() || null });
  const answer = await fetch(path, { method: "PUT", headers: { "Content-Type": "application/json", "X-CSRF-Token": token() }, body });
  if (answer.ok) return void location.assign(`/workbench?saved=${encodeURIComponent(`${form.dataset.owner}/${name}`)}`);
  const problem = await answer.json().catch(() => ({ diagnostics: [] }));
  const lines = problem.diagnostics.flatMap((one) => [one.what, one.fix].filter(Boolean).map((text) => element("p", {}, ...coded(text))));
  by("save-told").replaceChildren(element("div", { class: "told bad", role: "alert" }, ...(lines.length ? lines : ["it could not be saved"])));
}

async function drop() {
  if (!confirm(`Delete ${form.dataset.name}? Its address will lead nowhere.`)) return;
  const path = `/api/v1/queries/${form.dataset.saved.split("/").map(encodeURIComponent).join("/")}`;
  const answer = await fetch(path, { method: "DELETE", headers: { "X-CSRF-Token": token() } });
  if (answer.ok) location.assign("/workbench");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
by("cancel").addEventListener("click", () => running?.stop.abort());
by("export").addEventListener("change", (event) => {
  const kind = event.target.value;
  event.target.value = "";
  if (kind && !running) exported(kind);
});
for (const one of document.querySelectorAll("[data-as]")) one.addEventListener("click", () => last && as(one.dataset.as));
by("save").addEventListener("click", () => {
  by("save-name").value ||= form.dataset.name;
  by("saving").showModal();
});
by("save-not").addEventListener("click", () => by("saving").close());
by("saving").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
by("drop")?.addEventListener("click", drop);
window.addEventListener("hashchange", () => {
  if (location.hash.startsWith("#sql=")) editor.write(decodeURIComponent(location.hash.slice(5)));
});

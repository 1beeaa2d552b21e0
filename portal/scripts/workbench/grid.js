// The rows of an answer: only those that are in view are in the document, whatever their number.

import { element } from "./parts.js";

const ROW = 28;
const MARGIN = 20;
const LONGEST = 2_000;
const NUMBERS = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U[A-Z]+INT|FLOAT|DOUBLE|DECIMAL|REAL)/;

export const isNumber = (type) => NUMBERS.test(type);

function text(value) {
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

export function table(home) {
  let found = null;
  let shown = [-1, -1];
  let body = null;
  let why = {};

  function cell(value, column) {
    const kind = column.masked ? "masked" : isNumber(column.type) ? "number" : null;
    const one = element("td", { class: kind, title: column.masked ? (why[column.name.toLowerCase()] ?? `masked: ${column.masked}`) : null });
    if (value === null) one.append(element("span", { class: "null" }, "null"));
    else one.textContent = text(value).slice(0, LONGEST);
    return one;
  }

  function gap(rows) {
    const one = element("td", { class: "gap", colspan: found.columns.length });
    one.style.height = `${rows * ROW}px`;
    const line = element("tr", { "aria-hidden": "true" });
    line.append(one);
    return line;
  }

  function look() {
    if (!found) return;
    const from = Math.max(0, Math.floor(home.scrollTop / ROW) - MARGIN);
    const to = Math.min(found.rows.length, from + Math.ceil((home.clientHeight || 500) / ROW) + 2 * MARGIN);
    if (from === shown[0] && to === shown[1]) return;
    shown = [from, to];
    const lines = found.rows.slice(from, to).map((row, i) => element("tr", { "aria-rowindex": from + i + 2 }, ...row.map((value, c) => cell(value, found.columns[c]))));
    if (from > 0) lines.unshift(gap(from));
    if (to < found.rows.length) lines.push(gap(found.rows.length - to));
    body.replaceChildren(...lines);
  }

  function widths() {
    // of what is seen first: columns do not jump as one scrolls; in the font that this reader has
    const ink = document.createElement("canvas").getContext("2d");
    const { fontStyle, fontWeight, fontSize, fontFamily } = getComputedStyle(home);
    ink.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
    const wide = (said) => ink.measureText(said).width;
    return found.columns.map((column, c) => {
      const of = isNumber(column.type) ? (said) => said.replace(/\d/g, "0") : (said) => said; // digits are all as wide
      const values = found.rows.slice(0, 200).map((row) => (row[c] === null ? "null" : text(row[c])));
      const longest = values.reduce((most, value) => (value.length > most.length ? value : most), "").slice(0, LONGEST);
      const head = 1.08 * wide(column.name + (column.masked ? ` masked: ${column.masked} ` : "")) + (column.masked ? 16 : 0);
      return Math.min(448, Math.max(64, Math.ceil(Math.max(wide(of(longest)), head, wide(column.type))) + 30));
    });
  }

  function heads() {
    return found.columns.map((column) =>
      element("th", { scope: "col", class: isNumber(column.type) && !column.masked ? "number" : null }, column.name, column.masked ? element("span", { class: "chip accent", title: why[column.name.toLowerCase()] ?? null }, `masked: ${column.masked}`) : "", element("br"), element("span", { class: "type" }, column.type.toLowerCase())),
    );
  }

  let asked = 0;
  home.addEventListener("scroll", () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      look();
    });
  }, { passive: true });

  return {
    show(answer) {
      found = answer;
      shown = [-1, -1];
      why = {};
      body = element("tbody");
      const columns = widths();
      const whole = element("table", { "aria-rowcount": found.rows.length + 1 }, element("colgroup", {}, ...columns.map(() => element("col"))), element("thead", {}, element("tr", {}, ...heads())), body);
      whole.style.tableLayout = "fixed";
      whole.style.width = `${columns.reduce((a, b) => a + b, 0)}px`;
      whole.querySelectorAll("col").forEach((col, i) => (col.style.width = `${columns[i]}px`));
      home.replaceChildren(whole);
      home.scrollTop = 0;
      look();
    },
    reason(column, sentence, answer) {
      if (answer !== found) return;
      why[column.toLowerCase()] = sentence;
      home.querySelector("thead tr").replaceChildren(...heads());
      shown = [-1, -1];
      look();
    },
    look,
  };
}

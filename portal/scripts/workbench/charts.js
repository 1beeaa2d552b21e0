// Charts of an answer: chosen by the types of its columns, changed by hand.

import { BarChart, LineChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { isNumber } from "./grid.js";
import { by, element, number } from "./parts.js";

use([BarChart, LineChart, ScatterChart, DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const KINDS = { line: "line", bar: "bars", scatter: "points", histogram: "distribution", number: "one number" };
const BARS = 60;
const POINTS = 20_000;
const SERIES = 12;
let found = null;
let columns = [];
let chart = null;

function kindOf(column) {
  if (isNumber(column.type)) return "number";
  if (/^(DATE|TIMESTAMP)/.test(column.type)) return "time";
  return /^(VARCHAR|BOOLEAN|ENUM|UUID|TIME)/.test(column.type) ? "word" : null;
}

const isKey = (column) => /(^|_)(id|key|nr|code)$/.test(column.name);

export function choice(all) {
  // the kind and columns that show most of an answer at first sight
  const of = (kind) => all.filter((c) => c.kind === kind);
  const [times, words] = [of("time"), of("word")];
  const numbers = [...of("number").filter((c) => !isKey(c)), ...of("number").filter(isKey)];
  const rows = found.rows.length;
  if (numbers.length && rows === 1) return { kind: "number", x: null, y: numbers[0] };
  if (times.length && numbers.length) return { kind: "line", x: times[0], y: numbers[0], by: words.find((c) => distinct(c) <= SERIES && distinct(c) > 1) };
  if (words.length && numbers.length && distinct(words[0]) > rows / 2) return { kind: "bar", x: words[0], y: numbers[0] };
  if (words.length && numbers.length) {
    const second = words.slice(1).find((c) => distinct(c) <= SERIES && distinct(c) > 1);
    return { kind: "bar", x: words[0], y: numbers[0], by: second };
  }
  if (numbers.length > 1) {
    const counts = distinct(numbers[0]) === rows && rows <= BARS; // like an hour or a year, each once
    return { kind: counts ? "bar" : "scatter", x: numbers[0], y: numbers[1] };
  }
  if (numbers.length) return { kind: "histogram", x: numbers[0], y: null };
  return words.length || times.length ? { kind: "bar", x: words[0] ?? times[0], y: null } : null;
}

function distinct(column) {
  return (column.distinct ??= new Set(found.rows.slice(0, 5_000).map((row) => row[column.at])).size);
}

function options(select, list, chosen, none) {
  const all = none ? [{ at: "", name: none }, ...list] : list;
  select.replaceChildren(...all.map((c) => element("option", { value: c.at, selected: c === chosen ? "" : null }, c.name)));
}

export function charted(answer) {
  found = answer;
  columns = answer.columns.map((c, at) => ({ ...c, at, kind: kindOf(c) })).filter((c) => c.kind && answer.rows.some((row) => row[c.at] !== null));
  const first = answer.rows.length ? choice(columns) : null;
  if (!first) return false;
  const numbers = columns.filter((c) => c.kind === "number");
  by("chart-kind").replaceChildren(...Object.entries(KINDS).map(([kind, words]) => element("option", { value: kind, selected: kind === first.kind ? "" : null }, words)));
  options(by("chart-x"), columns, first.x);
  options(by("chart-y"), numbers, first.y, "how many");
  options(by("chart-by-column"), columns.filter((c) => c.kind === "word"), first.by, "nothing");
  return true;
}

const column = (id) => columns.find((c) => String(c.at) === by(id).value);
const value = (row, c) => (row[c.at] === null ? null : Number(row[c.at]));

function series(kind, x, y, split) {
  const groups = new Map();
  for (const row of found.rows) {
    const name = split ? String(row[split.at] ?? "null") : "";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(row);
  }
  const largest = [...groups].sort((a, b) => b[1].length - a[1].length);
  const cut = largest.length > SERIES ? largest.length - SERIES : 0;
  const kept = largest.slice(0, SERIES);
  if (kind === "scatter") return { cut, list: kept.map(([name, rows]) => ({ name, type: "scatter", symbolSize: 6, large: rows.length > 2_000, data: rows.slice(0, POINTS).map((row) => [x.kind === "number" ? value(row, x) : row[x.at], y ? value(row, y) : 1]) })) };
  const list = kept.map(([name, rows]) => {
    const sums = new Map();
    for (const row of rows) {
      const key = x.kind === "number" ? value(row, x) : row[x.at] === null ? "null" : String(row[x.at]);
      sums.set(key, (sums.get(key) ?? 0) + (y ? (value(row, y) ?? 0) : 1));
    }
    let data = [...sums];
    if (x.kind !== "word") data.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return { name, type: kind, showSymbol: data.length < 60, data };
  });
  return { cut, list };
}

function histogram(x) {
  const all = found.rows.map((row) => value(row, x)).filter((v) => v !== null && Number.isFinite(v));
  const [least, most] = all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  const bins = Math.max(1, Math.min(40, Math.ceil(Math.sqrt(all.length))));
  const wide = (most - least) / bins || 1;
  const counts = new Array(bins).fill(0);
  for (const v of all) counts[Math.min(bins - 1, Math.floor((v - least) / wide))] += 1;
  return counts.map((n, i) => [`${round(least + i * wide)} – ${round(least + (i + 1) * wide)}`, n]);
}

const round = (v) => Number(v.toPrecision(4));

function colours() {
  const probe = document.body.appendChild(element("i"));
  const of = (name) => ((probe.style.color = `var(${name})`), getComputedStyle(probe).color);
  const made = { ink: of("--ink"), soft: of("--soft"), line: of("--line"), paper: of("--paper"), all: ["--accent", "--warn", "--good", "--bad", "--edge"].map(of) };
  probe.remove();
  return made;
}

charted.draw = () => {
  const kind = by("chart-kind").value;
  const [x, y, split] = [column("chart-x") ?? columns[0], column("chart-y"), column("chart-by-column")];
  const home = by("chart");
  chart?.dispose();
  chart = null;
  home.replaceChildren();
  home.setAttribute("aria-label", `Chart: ${KINDS[kind]} of ${y?.name ?? "how many rows"} by ${x.name}; the table has the same values`);
  if (kind === "number") {
    const c = y ?? columns.find((one) => one.kind === "number") ?? x;
    const first = found.rows[0][c.at];
    home.append(element("div", { class: "alone" }, element("strong", {}, c.kind === "number" && first !== null ? number(Number(first)) : String(first)), element("span", { class: "soft" }, c.name)));
    return;
  }
  const look = colours();
  const made = kind === "histogram" ? { cut: 0, list: [{ name: x.name, type: "bar", barCategoryGap: "2%", data: histogram(x) }] } : series(kind, x, y, split);
  const words = kind === "histogram" || (kind === "bar" && x.kind !== "time") || x.kind === "word";
  const names = words ? [...new Set(made.list.flatMap((one) => one.data.map((d) => String(d[0]))))] : [];
  const axis = { axisLine: { lineStyle: { color: look.line } }, axisLabel: { color: look.soft }, splitLine: { lineStyle: { color: look.line } }, nameTextStyle: { color: look.soft } };
  chart = init(home, null, { renderer: "canvas" });
  chart.setOption({
    animation: false,
    color: look.all,
    textStyle: { color: look.ink },
    grid: { left: 16, right: 24, top: split ? 44 : 24, bottom: names.length > BARS ? 56 : 24, containLabel: true },
    legend: split ? { top: 4, type: "scroll", textStyle: { color: look.ink } } : undefined,
    tooltip: { trigger: kind === "scatter" ? "item" : "axis", renderMode: "richText", backgroundColor: look.paper, borderColor: look.line, textStyle: { color: look.ink } },
    dataZoom: names.length > BARS ? [{ type: "slider", endValue: BARS - 1, height: 20 }] : [],
    xAxis: { ...axis, type: words ? "category" : x.kind === "time" ? "time" : "value", scale: true, data: words ? names : undefined, name: x.name, nameLocation: "middle", nameGap: 30 },
    yAxis: { ...axis, type: "value", scale: kind === "scatter", name: kind === "histogram" || !y ? "rows" : y.name },
    series: made.list.map((one) => ({ ...one, data: words ? one.data.map((d) => [String(d[0]), d[1]]) : one.data })),
  });
  if (made.cut) home.setAttribute("aria-label", `${home.getAttribute("aria-label")}; ${made.cut} smaller groups are not drawn`);
};

by("chart-by").addEventListener("change", () => charted.draw());
window.addEventListener("resize", () => chart?.resize());

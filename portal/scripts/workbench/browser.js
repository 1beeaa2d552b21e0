// The schema browser: ports that one may ask for, their columns, and what one sees of each.

import { coded, element, json, number } from "./parts.js";

const quoted = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

function columnLine(column, insert) {
  const detail = `${column.type.toLowerCase()}${column.shown === "masked" ? `, masked (${column.mask})` : ""}`;
  const title = [column.description, column.classification, ...column.why].filter(Boolean).join("\n");
  if (column.shown === "hidden") return element("li", { class: "hidden-column", title }, column.name);
  const button = element("button", { type: "button", class: "plain", title }, element("span", { class: "mono" }, column.name), element("span", {}, detail));
  button.addEventListener("click", () => insert(quoted(column.name)));
  return element("li", {}, button);
}

async function open(line, button, insert) {
  const opened = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!opened));
  line.querySelector("ul, .about")?.remove();
  if (opened) return;
  try {
    const port = await json(`/workbench/table?address=${encodeURIComponent(line.dataset.address)}`);
    const write = element("button", { type: "button", class: "plain" }, element("span", {}, "write its name"), element("span", {}, port.rows === null ? "" : `${number(port.rows)} rows`));
    write.addEventListener("click", () => insert(port.name));
    const head = port.allowed ? [element("li", {}, write)] : [element("li", { class: "about" }, ...coded(port.reason))];
    const columns = port.allowed ? port.columns : port.columns.map((c) => ({ ...c, shown: "clear" }));
    if (button.getAttribute("aria-expanded") === "true" && !line.querySelector("ul")) line.append(element("ul", {}, ...head, ...columns.map((c) => columnLine(c, insert))));
  } catch {
    line.append(element("p", { class: "about" }, "It cannot be shown now."));
  }
}

function lineOf({ address, allowed, masked }, insert) {
  const button = element("button", { type: "button", class: "plain name mono", "aria-expanded": "false" }, ...address.split(/(?<=\.)/).flatMap((part) => [part, element("wbr")]));
  const chip = !allowed ? element("a", { class: "chip outline", href: `/access/request?port=${encodeURIComponent(address)}` }, "ask for access") : masked ? element("span", { class: "chip accent" }, `${masked} masked`) : "";
  const line = element("li", { "data-address": address }, button, chip);
  button.addEventListener("click", () => open(line, button, insert));
  return line;
}

export function browse(list, field, insert) {
  const first = [...list.querySelectorAll("[data-address]")].map((line) => ({
    address: line.dataset.address,
    allowed: !line.querySelector(".chip.outline"),
    masked: parseInt(line.querySelector(".chip.accent")?.textContent ?? "0", 10),
  }));
  const show = (found) => list.replaceChildren(...(found.length ? found.map((one) => lineOf(one, insert)) : [element("li", { class: "soft" }, "Nothing is called like that.")]));
  if (first.length) show(first);
  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const words = field.value.trim();
      const found = words ? await json(`/workbench/tables?q=${encodeURIComponent(words)}`).catch(() => []) : first;
      if (field.value.trim() === words) show(found);
    }, 150);
  });
}

// What the parts of the workbench share.

export const by = (id) => document.getElementById(id);
export const token = () => document.querySelector('meta[name="csrf"]').content;
export const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");

export function element(name, given = {}, ...content) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(given)) if (value !== null && value !== false) one.setAttribute(key, value);
  one.append(...content);
  return one;
}

const known = new Map();

export function json(path) {
  // each is asked for once: what somebody may see does not change while they write a query
  if (!known.has(path)) {
    const found = fetch(path, { headers: { Accept: "application/json" } }).then((answer) => {
      if (!answer.ok) throw new Error(`${answer.status}`);
      return answer.json();
    });
    found.catch(() => known.delete(path));
    known.set(path, found);
  }
  return known.get(path);
}

export function coded(text) {
  // names stand in backticks in what the server says
  return text.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

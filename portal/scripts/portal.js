// What every page has: parts that move (htmx), the palette (Ctrl-K), the theme, copying, and tables that sort themselves.

import htmx from "htmx.org";

htmx.config.includeIndicatorStyles = false; // the policy of the pages allows no style of a script
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0; // pages hold what only this person may see: none of it is left in the browser
window.htmx = htmx;

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf"]')?.content;
  if (token) event.detail.headers["X-CSRF-Token"] = token;
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload(); // the session is over: the page leads to the sign-in
});

// --- the palette ---------------------------------------------------------------------------------------------------

const palette = document.getElementById("palette");

function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
  const field = palette.querySelector("input");
  field.select();
  htmx.trigger(field, "palette");
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  } else if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable], .cm-editor")) {
    event.preventDefault();
    document.querySelector(".find input")?.focus();
  }
});
palette?.addEventListener("keydown", (event) => {
  const all = [...palette.querySelectorAll("li a")];
  if (!all.length || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const at = all.findIndex((a) => a.getAttribute("aria-selected") === "true");
  event.preventDefault();
  if (event.key === "Enter") return void (all[Math.max(at, 0)].click());
  const next = (at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length;
  all.forEach((a, i) => a.setAttribute("aria-selected", String(i === next)));
  palette.querySelector("input").setAttribute("aria-activedescendant", all[next].id);
  all[next].scrollIntoView({ block: "nearest" });
});
palette?.addEventListener("click", (event) => {
  if (event.target === palette) palette.close();
});

// --- clicks that pages name in `data-do` ---------------------------------------------------------------------------

const THEMES = ["system", "light", "dark"];
const actions = {
  palette: openPalette,
  theme() {
    const next = THEMES[(THEMES.indexOf(localStorage.getItem("theme") ?? "system") + 1) % THEMES.length];
    if (next === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
    theme();
  },
  async copy(button) {
    const from = document.getElementById(button.dataset.of);
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(from.innerText);
      button.textContent = "Copied";
    } catch {
      // browsers give the clipboard to pages over TLS alone: what is marked can be copied by hand
      getSelection().selectAllChildren(from);
      button.textContent = "Marked: Ctrl C";
    }
    setTimeout(() => (button.textContent = before), 1500);
  },
};

function theme() {
  const chosen = localStorage.getItem("theme") ?? "system";
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const one of document.querySelectorAll('[data-do="theme"]')) one.textContent = `Theme: ${chosen}`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]?.(button);
  for (const open of document.querySelectorAll("details.person[open]")) if (!open.contains(event.target)) open.open = false;
});
theme();

// --- forms that change their page when something is chosen ---------------------------------------------------------

document.addEventListener("change", (event) => {
  if (event.target.form?.dataset.sends === "at-once") event.target.form.requestSubmit();
});

// --- where one is, where a list of pages is wider than the window ---------------------------------------------------

for (const here of document.querySelectorAll(".top .sections a[aria-current], .tabs a[aria-current]")) {
  const list = here.closest(".top nav, .tabs");
  if (list.scrollWidth > list.clientWidth)
    list.scrollLeft += here.getBoundingClientRect().left - list.getBoundingClientRect().left - (list.clientWidth - here.offsetWidth) / 2;
}

// Before anything is painted: the theme that somebody has chosen, so that no page flashes, and that scripts run, so that
// what they fill has its place from the first paint on and nothing jumps.

const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;
document.documentElement.classList.add("with-scripts");

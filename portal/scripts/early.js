// Before anything is painted: the theme that somebody has chosen, so that no page flashes.

const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;

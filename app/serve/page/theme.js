// Light and dark: as the system says, until the switch says otherwise; early.js reads what is remembered here.

import { $ } from "./dom.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

export function startTheme() {
  const button = $("theme");
  const tell = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Switch to light" : "Switch to dark");
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("quincunx-theme", theme);
    tell();
  });
  dark.addEventListener("change", tell);
  tell();
}

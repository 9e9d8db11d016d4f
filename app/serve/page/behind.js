// What stands behind an answer, in four tabs: passages, the way to them, checks, times.

import { $, el } from "./dom.js";

const TABS = [["passages", "Passages"], ["funnel", "20 → 5"], ["checks", "Checks"], ["times", "Time"]];
const panels = new Map(), tabs = new Map();
let chosen = "passages";

/** Builds the tabs; arrow keys move between them. */
export function startTabs() {
  for (const [name, words] of TABS) {
    const tab = el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`,
      click: () => choose(name), keydown: (event) => move(event, name) }, words);
    const panel = el("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "0" });
    tabs.set(name, tab);
    panels.set(name, panel);
    $("tabs").append(tab);
    $("panels").append(panel);
  }
  choose(chosen);
}

function choose(name) {
  chosen = name;
  for (const [other, tab] of tabs) {
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
    panels.get(other).hidden = other !== name;
  }
  $("panels").scrollTop = 0;
}

function move(event, name) {
  const names = [...tabs.keys()], at = names.indexOf(name);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choose(names[to % names.length]);
  tabs.get(chosen).focus();
}

/** Puts something into a panel; the words on its tab may change with it. */
export function fill(name, content, words) {
  panels.get(name).replaceChildren(content);
  if (words) tabs.get(name).textContent = words;
  $("behind").hidden = false;
}

/** Empties the panels for the next question. */
export function clear() {
  for (const [name, words] of TABS) {
    panels.get(name).replaceChildren(el("p", { class: "soft" }, "Comes with the answer."));
    tabs.get(name).textContent = words;
  }
}

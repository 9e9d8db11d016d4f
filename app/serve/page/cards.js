// Tickers and precedents as cards that can be sorted.

import { apart, el } from "./dom.js";
import { sentenceList } from "./sentences.js";

/** How each kind of entry is read. @typedef {{name: string, score: string, date: string, lists: [string, string, string][]}} Kind */
const KINDS = {
  tickers: { name: "ticker", score: "fit", date: "as_of", lists: [["reasons", "Why it fits", "for"], ["against", "What speaks against it", "against"]] },
  precedents: {
    name: "event", score: "likeness", date: "date",
    lists: [["alike", "Alike", "for"], ["differences", "Different", "against"], ["followed", "What followed", "followed"]],
  },
};
const WORDS = { fit: "Fit", likeness: "Likeness", as_of: "As of", date: "Date", ticker: "Ticker", event: "Event" };

/** Shows a shortlist or the precedents of an output; `kind` is `tickers` or `precedents`. */
export function sortableCards(output, kind, evidence) {
  const { name, score, date, lists } = KINDS[kind];
  const entries = output[kind];
  const list = el("div", { class: "cards" });
  const orders = {
    [score]: (a, b) => b[score] - a[score],
    [date]: (a, b) => b[date].localeCompare(a[date]),
    [name]: (a, b) => a[name].localeCompare(b[name]),
  };
  const cards = new Map(entries.map((entry) => [entry, card(entry)]));
  const buttons = Object.keys(orders).map((order) =>
    el("button", { type: "button", "aria-pressed": "false", "data-order": order, click: () => sort(order) }, WORDS[order]));
  function sort(order) {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.order === order));
    list.append(...[...entries].sort(orders[order]).map((entry) => cards.get(entry)));
  }
  function card(entry) {
    return el("article", { class: `card ${kind}` },
      el("header", {}, el("h4", {}, apart(entry[name])), meter(entry[score], WORDS[score]),
        entry[date] && el("p", { class: "date" }, `${WORDS[date]} `, el("time", { datetime: entry[date] }, apart(entry[date])))),
      lists.filter(([field]) => entry[field].length > 0).map(([field, words, kindOf]) =>
        el("section", { class: kindOf }, el("h5", {}, words), sentenceList(entry[field], evidence))));
  }
  sort(score);
  return el("div", {},
    entries.length > 1 && el("div", { class: "sorting", role: "group", "aria-label": "Sort by" }, el("span", { class: "soft" }, "Sort by"), buttons),
    list, output.notice && el("p", { class: "fine" }, apart(output.notice)));
}

/** A number from 0 to 1 as a bar and in figures. */
function meter(value, words) {
  const bar = el("span", { class: "bar" });
  bar.style.inlineSize = `${100 * value}%`;
  return el("p", { class: "meter" }, el("span", { class: "soft" }, words), el("span", { class: "length", "aria-hidden": "true" }, bar), el("b", {}, value.toFixed(2)));
}

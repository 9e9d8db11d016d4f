// The passages that were kept, with what is cited of them marked.

import { apart, el, linkOut, outside, webAddress } from "./dom.js";
import { cutAt, quoteIn } from "./quotes.js";

const ADDRESSES = ["url", "link", "source"];
const CITED = 1, POINTED_AT = 2;

/** Returns the panel of an answer's passages; it follows what is pointed at. */
export function passagesPanel(evidence) {
  const list = el("ol", { class: "passages" });
  const shown = new Map(evidence.passages.map((passage, i) => {
    const text = outside("p", {}, passage.text);
    const item = el("li", { class: "passage" },
      el("h3", {}, el("span", { class: "number" }, i + 1), apart(passage.title || passage.id)), facts(passage), text);
    list.append(item);
    return [passage.id, { passage, item, text }];
  }));
  const mark = (pointed) => {
    for (const { passage, item, text } of shown.values()) {
      const ranges = [...rangesOf(passage, evidence.cited, CITED), ...rangesOf(passage, pointed, POINTED_AT)];
      text.replaceChildren(...cutAt(passage.text, ranges).map(marked));
      item.classList.toggle("pointed", pointed.some((citation) => citation.passage_id === passage.id));
    }
    bringIntoView(list);
  };
  evidence.watch(mark);
  mark([]);
  return list;
}

function rangesOf(passage, citations, strength) {
  return citations
    .filter((citation) => citation.passage_id === passage.id)
    .map((citation) => quoteIn(passage, citation))
    .filter(Boolean)
    .map(([start, end]) => ({ start, end, strength }));
}

function marked({ text, strength }) {
  if (strength === 0) return document.createTextNode(text);
  return el("mark", { class: strength === POINTED_AT ? "strong" : "faint" }, text);
}

/** Scrolls within the panel alone: the page itself stays where its reader is. */
function bringIntoView(list) {
  const panel = list.closest(".panels"), first = list.querySelector("mark.strong");
  if (!panel || !first || panel.scrollHeight <= panel.clientHeight) return;
  const inside = panel.getBoundingClientRect(), wanted = first.getBoundingClientRect();
  if (wanted.top >= inside.top && wanted.bottom <= inside.bottom) return;
  panel.scrollTop += wanted.top - inside.top - inside.height / 3;
}

/** A passage's metadata on one line, and the link to its page where it has one. */
export function facts(passage) {
  const told = Object.entries(passage.metadata || {})
    .filter(([name, value]) => !ADDRESSES.includes(name) && ["string", "number", "boolean"].includes(typeof value))
    .map(([name, value]) => el("span", {}, apart(name), " ", el("b", {}, apart(value))));
  const address = ADDRESSES.map((name) => passage.metadata?.[name]).find((value) => typeof value === "string" && webAddress(value));
  return el("p", { class: "facts" }, told, address && linkOut(address, "open the page"));
}

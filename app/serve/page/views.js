// How an output is shown: each of the five programs in its own way, any other by what its fields hold.

import { apart, directionOf, el, linkOut, shortened } from "./dom.js";
import { sortableCards } from "./cards.js";
import { cardsIn, spread } from "./deck.js";
import { isClaim } from "./quotes.js";
import { prose, sentence, sentenceList } from "./sentences.js";

const LONGEST_TITLE = 80;

/**
 * Returns an answer's output as elements.
 * @param {string} program what the program is a version of
 * @param {object} answer
 * @param {import("./evidence.js").Evidence} evidence
 * @param {(question: string) => void} ask asks a question that the answer offers
 */
export function shownOutput(program, answer, evidence, ask) {
  const view = Object.hasOwn(VIEWS, program) ? VIEWS[program] : general;
  return view(answer.output, evidence, answer, ask);
}

const VIEWS = {
  chat_bridge: (output, evidence, answer, ask) => [
    output.sentences.length > 0 && prose(output.sentences, evidence),
    // The titles stand apart from each other here, which within one sentence they could not.
    output.follow_up && el("div", { class: "between" }, el("p", {}, "Which one do you mean?"),
      output.between.map(({ title }) => el("button", { type: "button", click: () => ask(title) }, apart(shortened(title, LONGEST_TITLE))))),
  ],
  astrology_reading: (output, evidence, answer) => {
    const named = answer.details.drawn ? cardsIn(answer.details.drawn, false) : cardsIn(answer.question, true);
    const cards = named.length > 0 ? named : cardsIn(output.subject, true);
    return el("div", { class: "reading" }, cards.length > 0 && spread(cards),
      el("div", {}, output.subject && el("p", { class: "subject" }, apart(output.subject)), prose(output.sentences, evidence),
        output.notice && el("p", { class: "fine" }, apart(output.notice))));
  },
  ticker_fit: (output, evidence) => sortableCards(output, "tickers", evidence),
  catalyst_precedent: (output, evidence) => sortableCards(output, "precedents", evidence),
  resource_search: (output, evidence) =>
    el("ol", { class: "pages" }, output.pages.map((page, i) =>
      el("li", { class: i === 0 ? "page first" : "page" },
        el("p", { class: "soft" }, i === 0 ? "The page" : "Would serve too"),
        el("h4", {}, linkOut(addressOf(evidence.passage(page.passage_id)), page.title || page.passage_id)),
        sentenceList(page.why, evidence)))),
};

const addressOf = (passage) => ["url", "link", "source"].map((name) => passage?.metadata[name]).find((value) => typeof value === "string");

/** Shows any typed output: statements with their evidence, lists of them, and everything else by the name of its field. */
export function general(value, evidence) {
  if (isClaim(value)) return el("p", { dir: directionOf(value.text) }, sentence(value, evidence));
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isClaim)) return sentenceList(value, evidence);
    return el("ol", { class: "entries" }, value.map((entry) => el("li", {}, general(entry, evidence))));
  }
  if (value !== null && typeof value === "object") {
    return el("dl", { class: "output" }, Object.entries(value).filter(([, held]) => !isEmpty(held))
      .map(([name, held]) => [el("dt", {}, apart(name.replaceAll("_", " "))), el("dd", {}, general(held, evidence))]));
  }
  return apart(value);
}

const isEmpty = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);

/** Returns an answer in plain words, as the turn of a conversation. */
export const inPlainWords = (output) => (output.sentences || []).map((claim) => claim.text).join(" ");

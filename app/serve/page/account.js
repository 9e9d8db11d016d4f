// What became of an answer: what was taken out of it and why, what did not go as usual, what it took.

import { apart, duration, el, outside } from "./dom.js";

/** Rules of the check in words; a rule of another name is shown as it is. */
const inWords = (rule) => rule.replaceAll("_", " ");

/** Returns what was dropped, noted and refused. */
export function checksPanel(answer) {
  const notes = [...answer.notes];
  if (answer.left_out > 0) notes.push(`${answer.left_out} sentences of the passages were not read by the model: they are farther from the question.`);
  return el("div", {},
    !answer.answered && el("p", { class: "refusal", dir: "auto" }, el("b", {}, "Refused. "), apart(answer.refusal)),
    el("h3", {}, dropped(answer.dropped.length)),
    answer.dropped.length === 0
      ? el("p", { class: "soft" }, answer.answered
        ? "Every sentence that the model wrote stood the check: each cites words that are in a passage."
        : "The model wrote no sentence that could be checked.")
      : el("ul", { class: "dropped" }, answer.dropped.map(droppedEntry)),
    el("h3", {}, "Notes"),
    notes.length === 0 ? el("p", { class: "soft" }, "Nothing out of the ordinary.")
      : el("ul", { class: "plain" }, notes.map((note) => outside("li", {}, note))),
    el("h3", {}, "Searched for"),
    el("ul", { class: "plain" }, answer.searched.map((query) => outside("li", {}, query))));
}

const dropped = (count) => (count === 0 ? "Nothing was dropped" : count === 1 ? "1 part was dropped" : `${count} parts were dropped`);

function droppedEntry({ where, rule, reason, value }) {
  const written = typeof value === "string" ? value : value?.text ?? JSON.stringify(value);
  return el("li", {}, el("span", { class: "tag bad" }, inWords(rule)), " ", el("code", {}, apart(where)),
    outside("p", { class: "written outside" }, written), outside("p", {}, reason));
}

const STEPS = [["retrieve", "Search"], ["asking", "Language model"], ["check", "Check"]];
const WITHIN_SEARCH = [["embed", "Embed"], ["dense", "Dense"], ["lexical", "Lexical"], ["fuse", "Fuse"], ["rerank", "Rerank"]];

/**
 * Returns how long everything took, and what was spent on the language model.
 * @param {object} answer
 * @param {{first: number | null, whole: number}} seen seconds until the first sentence and the end, as this page saw them
 * @param {{lm_calls?: number, tokens?: number, seconds?: number}} budget that was asked for
 */
export function timesPanel(answer, seen, budget) {
  const named = new Set([...STEPS, ...WITHIN_SEARCH].map(([name]) => name));
  const others = Object.keys(answer.seconds).filter((name) => !named.has(name)).map((name) => [name, inWords(name)]);
  const { usage } = answer;
  const tokens = usage.input_tokens === null ? null : usage.input_tokens + usage.output_tokens;
  return el("div", {},
    bars("Where the time went", [...STEPS, ...others], answer.seconds),
    bars("Within the search", WITHIN_SEARCH, answer.seconds),
    el("dl", { class: "pairs" },
      pair("First sentence after", seen.first === null ? "–" : duration(seen.first)),
      pair("Whole answer after", within(duration(seen.whole), budget.seconds && `${budget.seconds} s`)),
      pair("Calls of the model", within(usage.lm_calls, budget.lm_calls)),
      pair("Answered from a cache", usage.cached),
      pair("Tokens", tokens === null ? "not told by this engine" : within(`${usage.input_tokens} in, ${usage.output_tokens} out`, budget.tokens)),
      pair("Engine", answer.engine),
      pair("Index", Object.entries(answer.generations).map(([name, generation]) => `${name}, generation ${generation}`).join("; "))));
}

const within = (spent, most) => (most ? `${spent} of at most ${most}` : String(spent));
const pair = (name, value) => [el("dt", {}, name), el("dd", {}, apart(value))];

function bars(caption, steps, seconds) {
  const known = steps.filter(([name]) => seconds[name] !== undefined);
  if (known.length === 0) return null;
  const longest = Math.max(...known.map(([name]) => seconds[name]));
  return el("table", { class: "times" }, el("caption", {}, caption),
    el("tbody", {}, known.map(([name, words]) => {
      const bar = el("span", { class: "bar" });
      bar.style.inlineSize = `${Math.max(0.5, (100 * seconds[name]) / longest)}%`;
      return el("tr", {}, el("th", { scope: "row" }, words), el("td", { class: "length" }, bar), el("td", { class: "n" }, duration(seconds[name])));
    })));
}

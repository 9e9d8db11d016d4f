// The form: which program, the question, the program's other inputs, and how to search.

import { $, apart, el } from "./dom.js";
import { cardsIn, drawAtRandom, spread } from "./deck.js";
import { titleOf } from "./looks.js";

const NUMBERS = { k: "settings", n: "settings", seconds: "budget", lm_calls: "budget", tokens: "budget" };

/** Words beside a program's input, and an example of it. */
const HINTS = { drawn: "Past: The Tower; Present: The Star reversed", market: "weak market, crowded shorts" };

/** Builds the choice of programs; calls back with the one that is chosen. */
export function offerPrograms(programs, choose) {
  $("programs").append(...programs.map((program) =>
    el("label", { class: "program" },
      el("input", { type: "radio", name: "program", value: program.name, change: () => choose(program) }),
      el("span", {}, apart(titleOf(program))))));
}

/** Shows a program's inputs; what was typed into one that another program has too stays. */
export function showInputs(program) {
  for (const input of document.querySelectorAll("input[name=program]")) input.checked = input.value === program.name;
  $("about").textContent = firstSentence(program.description);
  $("question").placeholder = program.example && `For example: ${program.example}`;
  const typed = details();
  $("details").replaceChildren(...program.details.map((name) => field(name, typed[name] ?? "")));
  // In a conversation one types below what was said.
  if (program.history) $("answers").after($("form"));
  else $("answers").before($("form"));
  document.body.classList.toggle("talks", program.history);
}

/** What follows the first sentence of a program's description is told to the model rather than to people. */
const firstSentence = (text) => /^.*?[.!?](?=\s|$)/s.exec(text)?.[0].replace(/\s+/g, " ") ?? text;

function field(name, value) {
  const input = el("input", { type: "text", "data-detail": name, id: `detail-${name}`, placeholder: HINTS[name] ? `For example: ${HINTS[name]}` : "" });
  input.value = value;
  const made = el("div", { class: "field" }, el("label", { for: input.id }, apart(titleOf({ name }))), input);
  if (name === "drawn") made.append(...deckBeside(input));
  return made;
}

/** The cards that a field names, and buttons that draw some into it. */
function deckBeside(input) {
  const table = el("div", { class: "table" });
  const lay = () => {
    const cards = cardsIn(input.value, false);
    table.replaceChildren(...(cards.length > 0 ? [spread(cards)] : []));
  };
  const draw = (words, ...positions) => el("button", { type: "button", click: () => {
    input.value = drawAtRandom(positions);
    lay();
  } }, words);
  input.addEventListener("input", lay);
  lay();
  return [el("div", { class: "row" }, draw("Draw a card", ""), draw("Draw three", "Past", "Present", "Future")), table];
}

/** The program's other inputs as they are typed. @returns {Record<string, string>} */
export function details() {
  const inputs = [...document.querySelectorAll("[data-detail]")];
  return Object.fromEntries(inputs.map((input) => [input.dataset.detail, input.value]));
}

/** Fills the form in, as a link says. @param {import("./address.js").SharedQuestion} shared */
export function fillIn(shared) {
  $("question").value = shared.question;
  for (const input of document.querySelectorAll("[data-detail]")) {
    input.value = shared.details[input.dataset.detail] ?? "";
    input.dispatchEvent(new Event("input"));
  }
}

/** How to search and what the answer may take; what is left empty stays with the service. */
export function choices() {
  const made = { settings: {}, budget: {} };
  for (const [name, group] of Object.entries(NUMBERS)) {
    const value = $(`set-${name}`).valueAsNumber;
    if (!Number.isNaN(value)) made[group][name] = value;
  }
  const where = $("set-where").value.trim();
  if (where) made.settings.where = where;
  if (!$("set-rerank").checked) made.settings.rerank = false;
  return made;
}

/** Shows that an answer is on its way, or that another question may be asked: the one button takes the other's place. */
export function showBusy(isBusy) {
  const [shown, hidden] = isBusy ? [$("stop"), $("ask")] : [$("ask"), $("stop")];
  const wasFocused = document.activeElement === hidden;
  $("ask").disabled = isBusy;
  shown.hidden = false;
  hidden.hidden = true;
  if (wasFocused) shown.focus();
  $("answers").setAttribute("aria-busy", String(isBusy));
}

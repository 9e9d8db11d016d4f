// One question and its answer on the page, from the first stage to the last sentence.

import { checksPanel, timesPanel } from "./account.js";
import * as behind from "./behind.js";
import { $, apart, duration, el, freshId, outside, shortened } from "./dom.js";
import { Evidence } from "./evidence.js";
import { funnelPanel } from "./funnel.js";
import { passagesPanel } from "./passages.js";
import { prose } from "./sentences.js";
import { shownOutput } from "./views.js";

const IN_WORDS = {
  rephrasing: "Making the question self-contained", splitting: "Splitting the question", retrieving: "Searching",
  asking: "Asking the model", "asking again": "Asking again", checking: "Checking",
};

/** So much is shown of each passage that came nearest to a refused question. */
const NEAREST_CHARACTERS = 110;

export class Turn {
  #begun = performance.now();
  #first = null;
  #claims = [];
  #evidence = new Evidence();
  #stages = el("ol", { class: "stages" });
  #sentences = el("div", { class: "answer" });
  #draft = outside("p", { class: "draft outside", "aria-hidden": "true" }, "");
  #after = el("div", { class: "after" });
  #stageBegun = 0;

  /**
   * @param {object} program as the service lists it
   * @param {{question: string, details: Record<string, string>, budget: object}} asked
   * @param {(question: string) => void} ask asks a question that the answer offers
   */
  constructor(program, asked, ask) {
    this.program = program;
    this.asked = asked;
    this.ask = ask;
    const id = freshId("asked");
    const details = Object.entries(asked.details).filter(([, value]) => value);
    this.element = el("article", { class: "turn", "aria-labelledby": id },
      outside("h3", { id, class: "asked outside" }, asked.question),
      details.length > 0 && el("p", { class: "facts" }, details.map(([name, value]) => el("span", {}, apart(name), " ", el("b", {}, apart(value))))),
      this.#stages, this.#sentences, this.#draft, this.#after);
    behind.clear();
  }

  /** Shows an event of the stream. */
  take(event) {
    ({
      status: () => this.#stage(event.stage),
      passages: () => this.#found(event.passages, event.candidates),
      token: () => this.#draft.append(event.text),
      sentence: () => this.#sentence(event.claim),
      citation: () => {}, // stands in its sentence already
      done: () => this.#done(event.answer),
    })[event.type]?.();
  }

  #stage(name) {
    this.#endStage();
    const words = IN_WORDS[name] ?? name;
    this.#stageBegun = performance.now();
    this.#stages.append(el("li", { class: "now" }, words));
    if (name === "asking again") this.#draft.textContent = "";
    say(words);
  }

  #endStage() {
    const now = this.#stages.querySelector(".now");
    if (!now) return;
    now.classList.remove("now");
    now.append(" ", el("span", { class: "soft" }, duration((performance.now() - this.#stageBegun) / 1000)));
  }

  #found(passages, candidates) {
    this.#evidence.passages = passages;
    this.#evidence.candidates = candidates;
    const kept = new Set(passages.map((passage) => passage.id));
    behind.fill("passages", passagesPanel(this.#evidence), `Passages ${passages.length}`);
    behind.fill("funnel", funnelPanel(candidates, kept), `${candidates.length} → ${passages.length}`);
  }

  #sentence(claim) {
    this.#first ??= this.#seconds();
    this.#claims.push(claim);
    this.#evidence.cited.push(...claim.citations);
    const shown = prose([claim], this.#evidence);
    if (this.#sentences.firstChild) this.#sentences.firstChild.append(...shown.childNodes);
    else this.#sentences.append(shown);
    this.#draft.textContent = withoutBeginning(this.#draft.textContent, claim.text);
    this.#evidence.point(null);
    say(claim.text);
  }

  #done(answer) {
    this.answer = answer;
    this.#endStage();
    this.#draft.remove();
    this.#evidence.cited = answer.citations;
    if (answer.passages.length !== this.#evidence.passages.length) this.#found(answer.passages, answer.candidates);
    this.#replaceSentences(answer);
    this.#evidence.point(null);
    const seen = { first: this.#first, whole: this.#seconds() };
    const dropped = answer.dropped.length;
    behind.fill("checks", checksPanel(answer), dropped ? `Checks (${dropped} dropped)` : "Checks");
    behind.fill("times", timesPanel(answer, seen, this.asked.budget), `Time ${duration(seen.whole)}`);
    say(answer.answered ? `Answered in ${duration(seen.whole)}, ${counted(this.#claims.length, "sentence")}` : `Refused: ${answer.refusal}`);
  }

  /** Puts the program's own view in the place of the sentences as they came; who stands on one keeps standing on it. */
  #replaceSentences(answer) {
    const before = [...this.#sentences.querySelectorAll(".sentence")];
    const place = before.indexOf(document.activeElement);
    const open = before.findIndex((sentence) => sentence.getAttribute("aria-expanded") === "true");
    if (!answer.answered) {
      this.#sentences.replaceChildren(refusal(answer));
      return;
    }
    const shown = el("div", {}, shownOutput(this.program.program, answer, this.#evidence, this.ask));
    this.#sentences.replaceChildren(shown);
    const after = this.#sentences.querySelectorAll(".sentence");
    if (open >= 0) after[open]?.click();
    if (place >= 0) after[place]?.focus();
  }

  /** Adds what may be done with the answer, such as thumbs. */
  offer(element) {
    this.#after.append(element);
  }

  /** Ends without an answer; what stood the check so far stays. */
  end(words, more) {
    this.#endStage();
    this.#draft.remove();
    this.#after.append(el("div", { class: "ended" }, el("p", {}, apart(words)), more && el("p", { class: "fine" }, apart(more))));
    say(words);
  }

  #seconds() {
    return (performance.now() - this.#begun) / 1000;
  }
}

function refusal(answer) {
  const near = answer.passages.slice(0, 3);
  return el("div", { class: "refusal" },
    el("p", {}, el("b", {}, "No answer: "), apart(answer.refusal)),
    near.length > 0 && [el("p", { class: "soft" }, "What came nearest:"),
      el("ul", {}, near.map((passage) => el("li", {}, el("b", {}, apart(passage.title || passage.id)), " ",
        el("span", { class: "soft" }, apart(shortened(passage.text, NEAREST_CHARACTERS))))))]);
}

/** A draft without the sentence that now stands; untouched where the draft does not begin with it. */
function withoutBeginning(draft, sentence) {
  const rest = draft.trimStart();
  return rest.startsWith(sentence) ? rest.slice(sentence.length) : draft;
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Tells a screen reader; one thing after the other. */
export function say(words) {
  $("said").append(el("span", {}, `${words} `));
  while ($("said").childNodes.length > 12) $("said").firstChild.remove();
}

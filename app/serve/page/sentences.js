// Sentences with their evidence: pointing at one marks its quotes, opening one shows them below it.

import { apart, directionOf, el, freshId, linkOut, webAddress } from "./dom.js";
import { around, quoteIn } from "./quotes.js";

const CONTEXT = 90;

/** Sentences that run on as prose. */
export const prose = (claims, evidence) =>
  el("p", { class: "prose", dir: directionOf(claims[0]?.text ?? "") }, claims.map((claim) => [sentence(claim, evidence), " "]));

/** Sentences one below the other. */
export const sentenceList = (claims, evidence) =>
  el("ul", { class: "sentences" }, claims.map((claim) => el("li", { dir: directionOf(claim.text) }, sentence(claim, evidence))));

/**
 * One sentence, a button that runs on with the prose around it.
 * @param {import("./quotes.js").Claim} claim
 * @param {import("./evidence.js").Evidence} evidence
 */
export function sentence(claim, evidence) {
  const numbers = [...new Set(claim.citations.map((citation) => evidence.number(citation.passage_id)))];
  const references = numbers.filter(Boolean).map((number) => [el("span", { class: "away" }, " source "), number, " "]);
  const made = el(
    "span",
    {
      class: "sentence", role: "button", tabindex: "0", "aria-expanded": "false",
      pointerenter: () => evidence.point(claim.citations),
      pointerleave: () => evidence.point(null),
      focus: () => evidence.point(claim.citations),
      blur: () => evidence.point(null),
      click: () => turn(made, claim, evidence),
      keydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        turn(made, claim, evidence);
      },
    },
    apart(claim.text),
    references.length > 0 && el("sup", {}, references),
  );
  return made;
}

/** Closes the evidence that is open; returns whether there was any, and gives the focus back to its sentence. */
export function closeProof() {
  const open = document.querySelector(".sentence[aria-expanded=true]");
  if (!open) return false;
  const inside = document.querySelector(".proof")?.contains(document.activeElement);
  shut();
  if (inside) open.focus();
  return true;
}

function turn(made, claim, evidence) {
  const wasOpen = made.getAttribute("aria-expanded") === "true";
  shut();
  if (wasOpen) return;
  const id = freshId("proof");
  const proof = el("div", { id, class: "proof", role: "group", "aria-label": "Evidence" },
    claim.citations.map((citation) => shownCitation(citation, evidence)));
  const block = made.closest("p, li");
  if (block.tagName === "LI") block.append(proof);
  else block.after(proof);
  made.setAttribute("aria-expanded", "true");
  made.setAttribute("aria-controls", id);
  evidence.pin(claim.citations);
  made.addEventListener("shut", () => evidence.pin([]), { once: true });
}

function shut() {
  for (const open of document.querySelectorAll(".sentence[aria-expanded=true]")) {
    open.setAttribute("aria-expanded", "false");
    open.removeAttribute("aria-controls");
    open.dispatchEvent(new Event("shut"));
  }
  document.querySelectorAll(".proof").forEach((proof) => proof.remove());
}

function shownCitation(citation, evidence) {
  const passage = evidence.passage(citation.passage_id);
  const where = passage && quoteIn(passage, citation);
  const words = where ? around(passage.text, where, CONTEXT) : { before: "", quote: citation.quote, after: "" };
  const number = evidence.number(citation.passage_id);
  return el("figure", {},
    el("blockquote", { class: "outside", dir: "auto" }, words.before, el("mark", { class: "strong" }, words.quote), words.after),
    el("figcaption", {}, number > 0 && `${number} · `, apart(citation.title || citation.passage_id), sourceOf(citation),
      !where && " · said by the title or metadata"));
}

/** Where a citation leads: a link where it is a page of the web, else the file and the place in it. */
export function sourceOf(citation) {
  const place = citation.place && [" · ", apart(citation.place)];
  if (webAddress(citation.url)) return [place, " · ", linkOut(citation.url, "open the page")];
  return [citation.path && [" · ", apart(citation.path)], place];
}

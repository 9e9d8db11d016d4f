// Thumbs: what a reader thinks of an answer goes to the service, where it takes feedback.

import { el, freshId, svg } from "./dom.js";
import { sendFeedback, ServiceError } from "./service.js";

/** Returns thumbs for an answer; a thumb down asks what would have been right before it is sent. */
export function thumbs(answer) {
  const told = el("span", { class: "soft", role: "status" });
  const id = freshId("corrected");
  const text = el("textarea", { id, rows: "3" });
  const correction = el("form", { class: "correction", hidden: true, submit: (event) => {
    event.preventDefault();
    send("down", text.value.trim());
  } }, el("label", { for: id }, "What would have been right? It may stay empty."), text, el("button", { type: "submit" }, "Send"));
  const up = thumb("up", "Good answer", () => send("up", ""));
  const down = thumb("down", "Bad answer", () => {
    correction.hidden = false;
    text.focus();
  });
  async function send(thumb, corrected) {
    told.textContent = "Sending…";
    try {
      await sendFeedback({ answer_id: answer.id, thumb, ...(corrected && { corrected_answer: corrected }) });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      told.textContent = `Not kept: ${error.message}`;
      return;
    }
    told.textContent = corrected ? "Thank you: the correction is kept." : "Thank you.";
    correction.hidden = true;
    up.setAttribute("aria-pressed", String(thumb === "up"));
    down.setAttribute("aria-pressed", String(thumb === "down"));
  }
  return el("div", { class: "thumbs" }, up, down, told, correction);
}

/** Drawn, as not every machine has a font with thumbs. */
const THUMB = "M7 21V10l5-8c2 0 3 1 3 3v4h5a2 2 0 0 1 2 2l-2 8a2 2 0 0 1-2 2zM7 10H3v11h4";

const thumb = (way, words, click) =>
  el("button", { type: "button", class: `thumb ${way}`, "aria-label": words, "aria-pressed": "false", click },
    svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: THUMB })));

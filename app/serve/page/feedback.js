// Thumbs: what a reader thinks of an answer goes to the service, where it takes feedback.

import { el, freshId } from "./dom.js";
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
  const up = thumb("👍", "Good answer", () => send("up", ""));
  const down = thumb("👎", "Bad answer", () => {
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

const thumb = (sign, words, click) =>
  el("button", { type: "button", class: "thumb", "aria-label": words, "aria-pressed": "false", click }, el("span", { "aria-hidden": "true" }, sign));

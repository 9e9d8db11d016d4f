// The evidence of one answer: its passages, what is cited of them, and what is being pointed at.

/** @typedef {import("./quotes.js").Passage} Passage */
/** @typedef {import("./quotes.js").Citation} Citation */

export class Evidence {
  /** Best first. @type {Passage[]} */
  passages = [];
  candidates = [];
  /** All that the sentences so far cite. @type {Citation[]} */
  cited = [];
  #watcher = (citations) => {};
  #pinned = [];

  /** Calls a function whenever what is pointed at changes, with the citations that are; it replaces the one before. */
  watch(watcher) {
    this.#watcher = watcher;
  }

  /** Points at the quotes of a sentence, or back at those that are pinned. @param {Citation[] | null} citations */
  point(citations) {
    this.#watcher(citations || this.#pinned);
  }

  /** Keeps quotes pointed at after the pointer has left. */
  pin(citations) {
    this.#pinned = citations;
    this.point(null);
  }

  passage(id) {
    return this.passages.find((passage) => passage.id === id);
  }

  /** The number that a passage goes by beside sentences, counted from 1; 0 for one that is not there. */
  number(id) {
    return this.passages.findIndex((passage) => passage.id === id) + 1;
  }
}

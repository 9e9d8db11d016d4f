// Where a quote stands in a passage, and how a text is cut so that quotes in it can be marked.

/** @typedef {{id: string, title: string, text: string, start: number, end: number, metadata: object}} Passage */
/** @typedef {{passage_id: string, quote: string, title: string, url: string, path: string, place: string,
 *             start: number | null, end: number | null}} Citation */
/** @typedef {{text: string, citations: Citation[]}} Claim */

/**
 * Returns where a passage's text holds a citation's quote, in units of JavaScript strings; null where it does not.
 *
 * The service counts characters of the document, and a string here counts some of them twice. What it says is checked
 * against the quote itself; where they differ the quote is searched for.
 * @param {Passage} passage
 * @param {Citation} citation
 * @returns {[number, number] | null}
 */
export function quoteIn(passage, citation) {
  if (!citation.quote) return null;
  if (citation.start !== null) {
    const characters = Array.from(passage.text);
    // What stands above a passage's own span, such as the head of its table, is not counted by the document.
    const head = characters.length - (passage.end - passage.start);
    const before = citation.start - passage.start + head;
    if (before >= 0) {
      const start = characters.slice(0, before).join("").length;
      if (passage.text.startsWith(citation.quote, start)) return [start, start + citation.quote.length];
    }
  }
  const found = passage.text.indexOf(citation.quote);
  return found < 0 ? null : [found, found + citation.quote.length];
}

/**
 * Cuts a text at the ends of ranges, which may overlap; each piece is as marked as the strongest range over it.
 * @param {string} text
 * @param {{start: number, end: number, strength: number}[]} ranges
 * @returns {{text: string, strength: number}[]}
 */
export function cutAt(text, ranges) {
  const cuts = [...new Set([0, text.length, ...ranges.flatMap(({ start, end }) => [start, end])])];
  cuts.sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, i) => {
    const over = ranges.filter(({ start, end }) => start <= from && end >= cuts[i + 1]);
    return { text: text.slice(from, cuts[i + 1]), strength: Math.max(0, ...over.map((range) => range.strength)) };
  });
}

/** Returns the words around a quote: at most `most` characters on each side, cut between characters, never within. */
export function around(text, [start, end], most) {
  const before = Array.from(text.slice(0, start)), after = Array.from(text.slice(end));
  return {
    before: (before.length > most ? "…" : "") + before.slice(-most).join(""),
    quote: text.slice(start, end),
    after: after.slice(0, most).join("") + (after.length > most ? "…" : ""),
  };
}

/** Returns whether a value of an output is a statement with what supports it. */
export const isClaim = (value) =>
  value !== null && typeof value === "object" && typeof value.text === "string" && Array.isArray(value.citations);

// A question as a link: the fragment holds program, question and details, never a conversation and never a key.

const DETAIL = "detail.";

/** @typedef {{program: string, question: string, details: Record<string, string>}} SharedQuestion */

/** @returns {SharedQuestion} */
export function readLink(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const details = [...parts].filter(([name]) => name.startsWith(DETAIL)).map(([name, value]) => [name.slice(DETAIL.length), value]);
  return { program: parts.get("program") || "", question: parts.get("question") || "", details: Object.fromEntries(details) };
}

/** @param {SharedQuestion} shared */
export function writeLink({ program, question, details }) {
  const parts = new URLSearchParams({ program, question });
  for (const [name, value] of Object.entries(details)) if (value) parts.set(DETAIL + name, value);
  return `#${parts}`;
}

// Builds elements. Texts become text nodes, never markup, and each keeps its direction to itself.

/** @typedef {Node | string | number | false | null | undefined} Child */

/** Returns the element of the page with an id. */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element; attributes that are null or false are left out, functions become listeners.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | Child[])} children
 */
export function el(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Makes an element of a drawing, as `el` does. */
export function svg(name, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

/** A text from outside among others: whatever its script and marks, it turns nothing beside it around. */
export const apart = (text) => el("bdi", {}, String(text ?? ""));

/** A paragraph or heading that is all from outside. */
export const outside = (name, attributes, text) => el(name, { dir: "auto", class: "outside", ...attributes }, String(text ?? ""));

const RIGHT_TO_LEFT = /^[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]$/u;

/** The direction of a text by its first letter, for what holds isolated texts: `dir="auto"` does not look into those. */
export const directionOf = (text) => (RIGHT_TO_LEFT.test(/\p{L}/u.exec(text)?.[0] ?? "") ? "rtl" : "ltr");

/** Counts up, so that ids on the page are never met twice. */
let numbers = 0;
export const freshId = (stem) => `${stem}-${++numbers}`;

/** Returns an address that may be followed, or null: one of the web, and nothing that runs. */
export function webAddress(text) {
  if (!/^https?:\/\//i.test(text || "")) return null;
  try {
    const address = new URL(text);
    return address.protocol === "http:" || address.protocol === "https:" ? address.href : null;
  } catch {
    return null;
  }
}

/** A link out of the page; only its words where the address is not one of the web. */
export function linkOut(address, words) {
  const href = webAddress(address);
  if (!href) return apart(words);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, apart(words));
}

/** Returns the first `most` characters of a text, counted as people count them, with a mark where more follow. */
export function shortened(text, most) {
  const characters = Array.from(text);
  return characters.length <= most ? text : characters.slice(0, most - 1).join("") + "…";
}

/** Returns seconds in the unit that suits them. */
export function duration(seconds) {
  if (seconds < 0.0095) return `${(1000 * seconds).toFixed(1)} ms`;
  return seconds < 0.9995 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}

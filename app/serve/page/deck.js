// A deck of tarot cards: finding their names in a text, drawing some at random, and showing them as simple shapes.

import { el, svg } from "./dom.js";

const INFINITY = "M30 26c-4-6-13-6-13 0s9 6 13 0 13-6 13 0-9 6-13 0z";
const CRESCENT = "M36 24a16 16 0 1 0 0 32 12.5 12.5 0 0 1 0-32z";

/** Points of a star as a polygon says them. */
function star(x, y, outer, inner, points, turned = 0) {
  const at = Array.from({ length: 2 * points }, (_, i) => {
    const angle = ((i * 180) / points - 90 + turned) * (Math.PI / 180), radius = i % 2 ? inner : outer;
    return `${(x + radius * Math.cos(angle)).toFixed(1)},${(y + radius * Math.sin(angle)).toFixed(1)}`;
  });
  return ["polygon", { points: at.join(" ") }];
}
const circle = (cx, cy, r) => ["circle", { cx, cy, r }];
const path = (d) => ["path", { d }];
const rays = (x, y, from, to, count) => path(Array.from({ length: count }, (_, i) => {
  const angle = (i * 2 * Math.PI) / count, cos = Math.cos(angle), sin = Math.sin(angle);
  return `M${(x + from * cos).toFixed(1)} ${(y + from * sin).toFixed(1)}L${(x + to * cos).toFixed(1)} ${(y + to * sin).toFixed(1)}`;
}).join(""));

const MAJORS = {
  "The Fool": [circle(43, 18, 6), path("M8 66h26v-12h-8"), circle(24, 34, 5), path("M24 39v14M24 44l9-6M33 38l6-6")],
  "The Magician": [path(INFINITY), path("M30 36v30M22 66h16"), circle(30, 36, 3)],
  "The High Priestess": [path("M14 18v48M46 18v48M10 18h8M42 18h8M10 66h8M42 66h8"), path("M33 30a11 11 0 1 0 0 22 8.5 8.5 0 0 1 0-22z")],
  "The Empress": [circle(30, 32, 12), path("M30 44v24M20 56h20")],
  "The Emperor": [path("M30 66V34c0-10-6-14-12-12s-6 12 1 12M30 34c0-10 6-14 12-12s6 12-1 12")],
  "The Hierophant": [path("M30 16v52M22 26h16M18 36h24M14 46h32")],
  "The Lovers": [circle(23, 44, 13), circle(37, 44, 13), star(30, 20, 6, 2.5, 5)],
  "The Chariot": [path("M14 28h32v20H14zM14 28l16-10 16 10"), circle(20, 58, 8), circle(40, 58, 8)],
  Strength: [path(INFINITY), path("M30 36c10 0 16 7 16 15s-7 15-16 15-16-7-16-15 6-15 16-15zM24 50v1M36 50v1M26 58c2 3 6 3 8 0")],
  "The Hermit": [path("M22 30h16l5 14-5 18H22l-5-18zM30 30V18M24 18h12"), star(30, 46, 9, 4, 6)],
  "Wheel of Fortune": [circle(30, 42, 21), circle(30, 42, 6), rays(30, 42, 6, 21, 8)],
  Justice: [path("M30 18v48M20 66h20M12 28h36M12 28l-6 16h12zM48 28l-6 16h12z")],
  "The Hanged Man": [path("M12 18h36M30 18v22M30 40l-8 10h16zM30 50v4"), circle(30, 60, 6)],
  Death: [path("M18 70 42 18M42 18C30 12 16 18 10 30c10-6 20-6 28-3")],
  Temperance: [path("M12 20h16l-5 16h-6zM32 48h16l-5 16h-6zM22 36c2 14 14 4 16 14")],
  "The Devil": [star(30, 42, 20, 8, 5, 180), circle(30, 42, 21)],
  "The Tower": [path("M20 70V34h20v36M17 34h26l-4-8H21zM27 46h6v8h-6zM48 12 40 24h6l-8 12")],
  "The Star": [star(30, 42, 21, 8, 8), star(12, 20, 4, 1.6, 4), star(48, 22, 4, 1.6, 4), star(48, 64, 4, 1.6, 4), star(12, 64, 4, 1.6, 4)],
  "The Moon": [path(CRESCENT), path("M10 66c7-6 13 6 20 0s13 6 20 0")],
  "The Sun": [circle(30, 42, 11), rays(30, 42, 15, 23, 12)],
  Judgement: [path("M14 60 40 26M34 20l14 12M14 60l-3 5M46 48c4 3 4 9 0 12M38 52c3 2 3 7 0 9")],
  "The World": [["ellipse", { cx: 30, cy: 42, rx: 15, ry: 21 }], circle(30, 42, 4), circle(10, 18, 3), circle(50, 18, 3), circle(10, 66, 3), circle(50, 66, 3)],
};
const NUMBERS = ["Ace", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"];
const COURTS = ["Page", "Knight", "Queen", "King"];
/** The shape of each suit, in a field 20 wide and high around its middle. */
const SUITS = {
  Wands: "M0-9V9M0-4l4-3M0 1l-4-3", Cups: "M-6-8H6C6 0 3 2 0 2S-6 0-6-8zM0 2v6M-4 8h8",
  Swords: "M0-9V9M-4 4h8M0-9l-2 3M0-9l2 3", Pentacles: "M0-8a8 8 0 1 0 .01 0zM0-5l3 8-7.5-5h9l-7.5 5z",
};
const PLACES = [
  [], [[30, 42]], [[30, 26], [30, 58]], [[30, 22], [30, 42], [30, 62]], [[19, 28], [41, 28], [19, 58], [41, 58]],
  [[19, 26], [41, 26], [30, 42], [19, 58], [41, 58]], [[19, 22], [41, 22], [19, 42], [41, 42], [19, 62], [41, 62]],
  [[19, 22], [41, 22], [30, 32], [19, 42], [41, 42], [19, 62], [41, 62]],
  [[19, 20], [41, 20], [19, 35], [41, 35], [19, 50], [41, 50], [19, 65], [41, 65]],
  [[19, 20], [41, 20], [19, 35], [41, 35], [30, 42], [19, 50], [41, 50], [19, 65], [41, 65]],
  [[19, 18], [41, 18], [30, 27], [19, 35], [41, 35], [19, 50], [41, 50], [30, 58], [19, 66], [41, 66]],
];
const SHAPES = new Map(Object.entries(MAJORS));
for (const [suit, shape] of Object.entries(SUITS)) {
  const at = ([x, y], scale) => ["path", { d: shape, transform: `translate(${x} ${y}) scale(${scale})` }];
  NUMBERS.forEach((name, i) => SHAPES.set(`${name} of ${suit}`, PLACES[i + 1].map((place) => at(place, i === 0 ? 2 : i < 4 ? 1 : 0.75))));
  COURTS.forEach((name, i) => SHAPES.set(`${name} of ${suit}`, [at([30, 50], 1.4), path(["M18 28h24", "M18 28l12-12 12 12z", "M18 28l2-12 10 7 10-7 2 12z", "M16 28V14l7 7 7-9 7 9 7-7v14z"][i])]));
}
/** The names of all cards. */
export const CARDS = [...SHAPES.keys()];

/** A card that a text names. @typedef {{name: string, reversed: boolean, position: string}} DrawnCard */

/**
 * Returns the cards that a text names, in its order: "Past: The Star reversed; Present: the moon".
 * In a sentence a name counts only as it is written, for strength and death are words too.
 * @param {string} text
 * @param {boolean} isSentence
 * @returns {DrawnCard[]}
 */
export function cardsIn(text, isSentence) {
  const names = CARDS.map((name) => name.replace(/^The /, "(?:The )?")).join("|");
  const found = [...text.matchAll(new RegExp(`\\b(${names})\\b`, isSentence ? "g" : "gi"))];
  return found.slice(0, 10).map((match, i) => {
    const after = text.slice(match.index + match[0].length, found[i + 1]?.index).split(/[;,.?!\n]/)[0];
    const before = text.slice(found[i - 1] ? found[i - 1].index + found[i - 1][0].length : 0, match.index);
    const position = isSentence ? "" : /([^;,.\n]{1,40}):\s*$/.exec(before)?.[1].trim() || "";
    return { name: nameOf(match[0]), reversed: /\breversed\b/i.test(after), position };
  });
}

function nameOf(written) {
  const bare = (name) => name.toLowerCase().replace(/^the /, "");
  return CARDS.find((name) => bare(name) === bare(written));
}

/** Draws cards as a person would: none twice, a third of them reversed. Returns them as the program takes them. */
export function drawAtRandom(positions) {
  const left = [...CARDS];
  const below = (most) => crypto.getRandomValues(new Uint32Array(1))[0] % most;
  return positions.map((position) => {
    const [name] = left.splice(below(left.length), 1);
    return `${position && `${position}: `}${name}${below(3) === 0 ? " reversed" : ""}`;
  }).join("; ");
}

/** Shows cards side by side, a reversed one upside down. @param {DrawnCard[]} cards */
export const spread = (cards) =>
  el("ul", { class: "spread", "aria-label": "Cards drawn" }, cards.map(({ name, reversed, position }) =>
    el("li", { class: reversed ? "tarot reversed" : "tarot" },
      svg("svg", { viewBox: "0 0 60 84", "aria-hidden": "true" },
        svg("rect", { class: "edge", x: 3, y: 3, width: 54, height: 78, rx: 4 }), SHAPES.get(name).map(([tag, attributes]) => svg(tag, attributes))),
      position && el("span", { class: "position" }, position), el("b", {}, name), reversed && el("span", { class: "soft" }, "reversed"))));

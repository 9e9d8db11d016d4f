// The data, and how to build elements from it. Texts become text nodes, never markup.

const data = JSON.parse(document.getElementById("data").textContent);

/** Where each field stands in a record: at.Question.id is a place in the array of a question. */
const at = {};
for (const [record, names] of Object.entries(data.fields)) {
  at[record] = Object.fromEntries(names.map((name, place) => [name, place]));
}
const Q = at.Question, C = at.Candidate, P = at.Passage, A = at.Answer, L = at.LostGold, G = at.Gold;

const primary = data.measures.indexOf(data.primary);

const $ = (id) => document.getElementById(id);

/** Makes an element; attributes that are null or false are left out, functions become listeners. */
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const DASH = "–";
const number = (value, digits = 3) =>
  value === null || value === undefined ? DASH : value.toFixed(digits).replace("-", "−");
const signed = (value) =>
  value === null ? DASH : value > 0 ? "+" + number(value) : number(value);
const count = (value) => value.toLocaleString("en-US");
const way = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const arrow = (value) => (value > 0 ? "▲" : value < 0 ? "▼" : "=");
function time(seconds) {
  if (seconds === null || seconds === undefined) return DASH;
  if (seconds < 1) return (1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0) + " ms";
  return seconds.toFixed(seconds < 10 ? 2 : 1) + " s";
}

/** A passage is a number among the run's passages, or the id of one that is not there. */
const passageId = (ref) => (typeof ref === "number" ? data.passages[ref][P.id] : ref);
const passageTitle = (ref) => (typeof ref === "number" && data.passages[ref][P.title].trim()) || passageId(ref);

/** A text of whatever script among others: it keeps its direction, and they keep theirs. */
const apart = (text) => el("bdi", {}, text);
/** A table that scrolls within itself where the screen is narrower. */
const scrolling = (table) => el("div", { class: "scroll", tabindex: "0" }, table);

/** The primary measure of a question at a stage; null where it was not scored. */
function primaryAt(question, stage) {
  const row = question[Q.values][data.stages.indexOf(stage)];
  return row ? row[primary] : null;
}
function seconds(question) {
  const known = question[Q.seconds].filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

const isFailed = (question) => question[Q.status] === "failed";
const isLost = (question) => question[Q.lost].length > 0;
const isRefused = (question) => question[Q.refused] === true;
const isAnswered = (question) => question[Q.refused] === false;
const isWrong = (question) => isAnswered(question) && (!question[Q.answerable] || question[Q.reached].at(-1) === false);

const isRight = (question) => isAnswered(question) && question[Q.answerable] && question[Q.reached].at(-1) === true;

/** The words beside a question that say what became of it. */
function tags(question) {
  return [
    isFailed(question) && el("span", { class: "tag bad" }, "✕ failed"),
    isLost(question) && el("span", { class: "tag loss" }, "▼ lost"),
    isWrong(question) && el("span", { class: "tag bad" }, "✕ wrong"),
    isRefused(question) && (question[Q.answerable] ? el("span", { class: "tag bad" }, "∅ declined wrongly") : el("span", { class: "tag gain" }, "∅ declined rightly")),
    isRight(question) && el("span", { class: "tag gain" }, "✓ right"),
  ].filter(Boolean);
}

// What the address keeps: which filter, which order, what is searched for, which question is open.
const state = { filter: "all", sort: "", down: false, search: "", open: null };

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  state.filter = FILTERS.some(([name]) => name === parts.get("show")) ? parts.get("show") : "all";
  state.sort = COLUMNS.some((column) => column.key === parts.get("sort")) ? parts.get("sort") : "";
  state.down = parts.has("down");
  state.search = parts.get("search") || "";
  state.open = parts.has("q") ? parts.get("q") : null;
}

/** Writes the state into the address; a question that opens can be left with the browser's Back. */
function writeAddress(isStep) {
  const parts = new URLSearchParams();
  if (state.filter !== "all") parts.set("show", state.filter);
  if (state.sort) parts.set("sort", state.sort);
  if (state.down) parts.set("down", "1");
  if (state.search) parts.set("search", state.search);
  if (state.open !== null) parts.set("q", state.open);
  history[isStep ? "pushState" : "replaceState"](null, "", "#" + parts);
}

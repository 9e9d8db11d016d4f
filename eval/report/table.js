// The list of questions: filters, search, order, pages.

const PAGE = 50;
const [without, withIt] = data.delta_stages;
const OUTCOMES = [
  ["wrong", "Wrong", isWrong, "Answered wrongly: not rightly by the last step of the funnel, or where the corpus holds no answer."],
  ["undeclined", "Should have declined", (q) => isAnswered(q) && !q[Q.answerable], "Answered wrongly: the corpus holds no answer."],
  ["unanswered", "Should have answered", (q) => isRefused(q) && q[Q.answerable], "Declined wrongly: the corpus holds the answer."],
];
const FILTERS = [
  ["all", "All", () => true, "All questions, in the order of the run unless you click a heading."],
  ["lost", "Lost", isLost, `Gold that did not come into the ${data.given} passages given.`],
  ["regressed", "Regressed", (q) => q[Q.delta] !== null && q[Q.delta] < 0, `${data.primary} is lower at ${withIt} than at ${without}.`],
  ["refused", "Refused", isRefused, "The program refused, rightly or not."],
  ...(data.kind === "answers" ? OUTCOMES : []),
  ["failed", "Failed", isFailed, "No result: counted as failed, never as 0 without a word."],
  ["different", "Different", (q) => q[Q.delta] !== null && q[Q.delta] !== 0, `${data.primary} differs between ${without} and ${withIt}.`],
];

const several = (field) => new Set(data.questions.map((question) => question[field])).size > 1;
const text = (field) => (question) => question[field];
const COLUMNS = [
  { key: "id", name: "id", width: 110, of: text(Q.id) },
  { key: "question", name: "question", of: text(Q.text) },
  { key: "kind", name: "kind", width: 110, of: text(Q.kind), isNeeded: several(Q.kind) },
  { key: "split", name: "split", width: 70, of: text(Q.split), isNeeded: several(Q.split) },
  { key: "program", name: "program", width: 130, of: text(Q.program), isNeeded: several(Q.program) },
  { key: "score", name: data.primary, width: 100, of: (q) => primaryAt(q, withIt), isNumber: true, show: (value) => number(value) },
  { key: "delta", name: "change", width: 92, of: text(Q.delta), isNumber: true, show: (value) => (value === null ? DASH : `${arrow(value)} ${signed(value)}`), look: way },
  { key: "time", name: "time", width: 80, of: seconds, isNumber: true, show: time },
  { key: "state", name: "", width: 230, of: (q) => (isFailed(q) ? 4 : 0) + (isLost(q) ? 2 : 0) + (isRefused(q) ? 1 : 0), cell: tags, label: "what became of it" },
].filter((column) => column.isNeeded !== false);

const haystacks = data.questions.map((question) =>
  [Q.id, Q.text, Q.kind, Q.split, Q.program, Q.error_code, Q.error].map((field) => question[field]).join("\n").toLowerCase());

/** Places in data.questions that the list shows, in order; and where the cursor stands among them. */
let shown = [];
let cursor = 0;

function select() {
  const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = data.questions.map((_, place) => place).filter((place) => words.every((word) => haystacks[place].includes(word)));
  for (const [name, , fits] of FILTERS) {
    const button = $("filter-" + name);
    button.setAttribute("aria-pressed", String(state.filter === name));
    button.lastChild.textContent = count(found.filter((place) => fits(data.questions[place])).length);
  }
  const [, , fits, meaning] = FILTERS.find(([name]) => name === state.filter);
  $("meaning").textContent = meaning;
  shown = found.filter((place) => fits(data.questions[place]));
  const column = COLUMNS.find(({ key }) => key === state.sort);
  if (column) {
    const keys = new Map(shown.map((place) => [place, column.of(data.questions[place])]));
    const sign = state.down ? -1 : 1;
    shown.sort((a, b) => compare(keys.get(a), keys.get(b), sign) || a - b);
  }
  cursor = Math.min(cursor, Math.max(0, shown.length - 1));
}

/** What was not measured stands last in either direction. */
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "string") return sign * order.compare(a, b);
  return sign * (a - b);
}
const order = new Intl.Collator("en", { numeric: true });

function drawList() {
  const start = Math.floor(cursor / PAGE) * PAGE;
  const end = Math.min(start + PAGE, shown.length);
  for (const head of $("heads").children) {
    const isSorted = head.dataset.key === state.sort;
    head.setAttribute("aria-sort", isSorted ? (state.down ? "descending" : "ascending") : "none");
    head.querySelector("span").textContent = isSorted ? (state.down ? " ↓" : " ↑") : "";
  }
  $("list").setAttribute("aria-rowcount", shown.length + 1);
  $("rows").replaceChildren(...shown.slice(start, end).map((place, offset) => drawRow(data.questions[place], start + offset)));
  $("empty").hidden = shown.length > 0;
  $("list").hidden = shown.length === 0;
  $("place").textContent = shown.length ? `${count(start + 1)} to ${count(end)} of ${count(shown.length)}` : "";
  $("previous-page").disabled = start === 0;
  $("next-page").disabled = end >= shown.length;
}

function drawRow(question, place) {
  const cells = COLUMNS.map((column) => {
    if (column.cell) return el("td", {}, column.cell(question).flatMap((tag) => [tag, " "]));
    const value = column.of(question);
    const look = column.look && value !== null ? column.look(value) : "";
    return el("td", { class: (column.isNumber ? "n " : "") + look, dir: !column.isNumber && "auto", title: column.key === "question" && value },
      column.show ? column.show(value) : value);
  });
  return el("tr", {
    tabindex: place === cursor ? "0" : "-1", "data-place": place, "aria-rowindex": place + 2,
    click: () => { cursor = place; open(question[Q.id]); },
    focus: () => {
      $("rows").querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
      cursor = place;
      $("rows").querySelector(`[data-place="${place}"]`).setAttribute("tabindex", "0");
    },
  }, cells);
}

function update() {
  select();
  drawList();
  writeAddress(false);
}

function moveTo(place) {
  if (!shown.length) return;
  const page = Math.floor(cursor / PAGE);
  cursor = Math.max(0, Math.min(shown.length - 1, place));
  if (Math.floor(cursor / PAGE) !== page) drawList();
  $("rows").querySelector(`[data-place="${cursor}"]`).focus();
}

function startList() {
  $("filters").append(...FILTERS.map(([name, label]) =>
    el("button", { type: "button", id: "filter-" + name, click: () => { state.filter = name; cursor = 0; update(); } }, label, el("span", {}))));
  $("heads").append(...COLUMNS.map((column) => {
    const head = el("th", { scope: "col", class: column.isNumber && "n", "data-key": column.key },
      el("button", { type: "button", "aria-label": column.label, click: () => sortBy(column) }, column.name || "state", el("span", { "aria-hidden": "true" })));
    if (column.width) head.style.width = column.width + "px";
    return head;
  }));
  $("search").addEventListener("input", () => { state.search = $("search").value; cursor = 0; update(); });
  $("clear").addEventListener("click", () => { state.filter = "all"; state.search = $("search").value = ""; update(); });
  $("previous-page").addEventListener("click", () => turn(-1));
  $("next-page").addEventListener("click", () => turn(1));
}

function turn(by) {
  cursor = Math.max(0, Math.min(shown.length - 1, (Math.floor(cursor / PAGE) + by) * PAGE));
  drawList();
  $("questions").scrollIntoView();
}

/** The first click sorts upwards, the second downwards, the third gives the run's own order back. */
function sortBy(column) {
  if (state.sort !== column.key) [state.sort, state.down] = [column.key, false];
  else if (!state.down) state.down = true;
  else [state.sort, state.down] = ["", false];
  cursor = 0;
  update();
}

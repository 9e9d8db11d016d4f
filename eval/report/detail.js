// One question: what was gold, what was found in which order, what was answered, and from which words.

const ROW = 30;

function drawDetail(question) {
  const place = shown.findIndex((index) => data.questions[index] === question);
  const grades = new Map(question[Q.gold].map((gold) => [gold[G.id], gold[G.grade]]));
  for (const candidate of question[Q.candidates]) {
    if (candidate[C.grade]) grades.set(candidate[C.passage], candidate[C.grade]);
  }
  const label = FILTERS.find(([name]) => name === state.filter)[1];
  $("detail").replaceChildren(
    el("nav", { class: "bar-top", "aria-label": "Questions" },
      el("button", { type: "button", id: "back", click: close }, "← Questions"),
      el("span", { class: "hint" }, place < 0 ? "" : `${count(place + 1)} of ${count(shown.length)}` + (state.filter === "all" ? "" : `, ${label}`)),
      el("button", { type: "button", id: "earlier", disabled: place <= 0, click: () => step(-1) }, "‹ Earlier"),
      el("button", { type: "button", id: "later", disabled: place < 0 || place >= shown.length - 1, click: () => step(1) }, "Later ›")),
    el("h2", { class: "asked pre", tabindex: "-1", id: "asked", dir: "auto" }, question[Q.text]),
    el("div", { class: "meta" }, el("span", {}, apart(question[Q.id])), question[Q.split] && el("span", {}, question[Q.split]),
      question[Q.kind] && el("span", {}, question[Q.kind]), question[Q.program] && el("span", {}, question[Q.program]),
      el("span", {}, question[Q.answerable] ? "answerable" : "not answerable"),
      question[Q.refused] !== null && el("span", {}, question[Q.refused] ? "refused" : "answered"), tags(question)),
    drawSteps(question),
    ...[drawError(question), drawGold(question), drawOrders(question), drawAnswer(question), drawPassages(question, grades), drawFigures(question)].filter(Boolean));
}

function section(title, ...content) {
  return el("section", {}, el("h2", {}, title), content);
}

/** A passage's name, which opens its text below. */
function reference(ref) {
  const [title, id] = [passageTitle(ref), passageId(ref)];
  return el("button", { type: "button", class: "title", title: id, click: () => showPassage(ref) },
    apart(title), title !== id && el("span", { class: "fine" }, " ", apart(id)));
}

function showPassage(ref) {
  const shownPassage = [...$("detail").querySelectorAll("details")].find((details) => details.dataset.passage === String(ref));
  if (!shownPassage) return;
  shownPassage.open = true;
  shownPassage.scrollIntoView({ block: "center" });
  shownPassage.querySelector("summary").focus({ preventScroll: true });
}

function drawSteps(question) {
  return el("ol", { class: "steps", "aria-label": "Funnel" }, question[Q.reached].map((reached, step) => {
    const [sign, look] = reached === null ? [DASH, ""] : reached ? ["✓", "gain"] : ["✕", "bad"];
    return el("li", { class: "tag " + look }, `${sign} ${data.funnel[step]}`);
  }));
}

function drawError(question) {
  if (!isFailed(question)) return null;
  return el("section", { class: "notes" }, el("h2", { class: "bad" }, "Failed"),
    el("p", { class: "pre" }, question[Q.error_code] && el("b", {}, question[Q.error_code] + ": "), question[Q.error]));
}

function drawGold(question) {
  const gold = question[Q.gold];
  if (!gold.length) return section("Gold", el("p", { class: "hint" }, question[Q.answerable] ? "None was judged." : "None: the corpus holds no answer."));
  return section("Gold",
    el("ul", { class: "steps" }, gold.map((one) => el("li", {}, el("span", { class: "tag gold" }, `★ grade ${one[G.grade]}`), " ",
      typeof one[G.id] === "number" ? reference(one[G.id]) : apart(one[G.id])))),
    question[Q.lost].map((lost) => el("div", { class: "lost" },
      el("h3", {}, "Lost: ", apart(passageId(lost[L.id]))),
      el("p", { class: "ranks" }, data.stages.map((stage, place) =>
        el("span", {}, el("span", { class: "fine" }, stage + " "), el("b", {}, lost[L.ranks][place] ?? "not found")))),
      lost[L.displaced_by] !== null && el("p", {}, "In its place: ", reference(lost[L.displaced_by])),
      el("p", { class: "pre" }, el("b", {}, lost[L.diagnosis])),
      lost[L.advice] && el("p", { class: "pre" }, lost[L.advice]))));
}

/** The candidates by a rank; those without one stand last, in the order of the other rank. */
function ordered(candidates, rank, other) {
  const last = (value) => value ?? Infinity;
  const by = (a, b) => (a === b ? 0 : a - b);
  return [...candidates].sort((a, b) => by(last(a[rank]), last(b[rank])) || by(last(a[other]), last(b[other])));
}

function drawOrders(question) {
  const candidates = question[Q.candidates];
  if (!candidates.length) return null;
  const before = ordered(candidates, C.fused_rank, C.dense_rank);
  const after = ordered(candidates, C.final_rank, C.rerank_rank);
  const side = (list, rank, isAfter) => el("div", {},
    el("div", { class: "heads" }, el("h3", {}, isAfter ? "final" : "fused"),
      (isAfter ? ["rerank", "moved"] : ["dense", "lexical"]).map((name) => el("span", { class: "col fine" }, name))),
    el("ol", {}, list.map((candidate, place) => {
      const isCut = (candidate[rank] ?? Infinity) <= data.given && !((list[place + 1]?.[rank] ?? Infinity) <= data.given);
      const moved = candidate[C.fused_rank] !== null && candidate[C.final_rank] !== null ? candidate[C.fused_rank] - candidate[C.final_rank] : null;
      return el("li", { class: (isCut ? "cut " : "") + (candidate[C.grade] ? "gold" : "") },
        el("span", { class: "rank" }, candidate[rank] ?? DASH), reference(candidate[C.passage]),
        candidate[C.grade] > 0 && el("span", { class: "tag gold" }, `★ ${candidate[C.grade]}`),
        isAfter
          ? [el("span", { class: "col fine" }, candidate[C.rerank_rank] ?? DASH),
            el("span", { class: "col " + way(moved) }, moved === null ? DASH : moved ? `${arrow(moved)} ${Math.abs(moved)}` : "=")]
          : [C.dense_rank, C.lexical_rank].map((stage) => el("span", { class: "col fine" }, candidate[stage] ?? DASH)));
    })));
  const lines = svg("svg", { viewBox: `0 0 110 ${ROW * candidates.length}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...before.map((candidate, place) => {
      const target = after.indexOf(candidate);
      const look = candidate[C.grade] ? "gold" : target < place && target < data.given ? "up" : place < data.given && target >= data.given ? "down" : "";
      return svg("path", { class: "link " + look, d: `M4 ${(place + 0.5) * ROW}C55 ${(place + 0.5) * ROW} 55 ${(target + 0.5) * ROW} 106 ${(target + 0.5) * ROW}` });
    }));
  lines.style.height = ROW * candidates.length + "px";
  return section("Candidates",
    el("p", { class: "hint" }, `Before and after the reranker; the program is given those above the line. All figures are ranks; ★ is gold.`),
    el("div", { class: "orders" }, side(before, C.fused_rank, false), el("div", { class: "lines" }, el("div", { class: "heads" }), lines), side(after, C.final_rank, true)));
}

function drawAnswer(question) {
  const answer = question[Q.answer];
  if (!answer) return null;
  return section("Answer", el("div", { class: "answer" },
    question[Q.reference] && [el("h3", {}, "Reference answer"), el("p", { class: "pre", dir: "auto" }, question[Q.reference]), el("h3", {}, "What was said")],
    answer[A.refusal] && el("p", { class: "pre", dir: "auto" }, el("span", { class: "tag" }, "∅ refused"), " ", answer[A.refusal]),
    answer[A.lines].map((line) => el("p", { class: "pre", dir: "auto" }, line)),
    el("p", { class: "hint" }, answer[A.citations].length ? `${answer[A.citations].length} quoted, marked below.` : "Nothing quoted."),
    answer[A.dropped].length > 0 && [el("h3", {}, "Taken out by the check"), rows(["where", "rule", "reason"], answer[A.dropped])],
    answer[A.checks].length > 0 && [el("h3", {}, "Checks"), rows(["check", "value"], answer[A.checks].map(([name, value]) => [name, number(value)]))],
    answer[A.judgements].length > 0 && [el("h3", {}, "Judged"), rows(["judge", "verdict", "reason"], answer[A.judgements])]));
}

function rows(names, found) {
  return scrolling(el("table", { class: "grid" }, el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, found.map((parts) => el("tr", {}, parts.map((part) => el("td", { class: "pre", dir: "auto" }, part)))))));
}

function drawPassages(question, grades) {
  const refs = ordered(question[Q.candidates], C.final_rank, C.rerank_rank).map((candidate) => candidate[C.passage]);
  const given = new Set(question[Q.candidates].filter((candidate) => candidate[C.final_rank] !== null && candidate[C.final_rank] <= data.given).map((candidate) => candidate[C.passage]));
  const citations = question[Q.answer]?.[A.citations] || [];
  const more = [...grades.keys(), ...question[Q.lost].map((lost) => lost[L.displaced_by]), ...citations.map((citation) => citation[at.Citation.passage])];
  const all = [...new Set([...refs, ...more])].filter((ref) => typeof ref === "number");
  if (!all.length) return null;
  const quotes = (ref) => citations.filter((citation) => citation[at.Citation.passage] === ref).map((citation) => citation[at.Citation.quote]);
  return section("Passages", el("p", { class: "hint" }, "Best first; those given to the program stand open."), all.map((ref) => {
    const [content, missing] = highlighted(data.passages[ref][P.text], quotes(ref));
    return el("details", { class: "passage" + (grades.has(ref) ? " gold" : ""), "data-passage": ref, open: given.has(ref) || quotes(ref).length > 0 },
      el("summary", {}, el("b", {}, apart(passageTitle(ref))), el("span", { class: "fine" }, apart(passageId(ref))),
        given.has(ref) && el("span", { class: "tag" }, "given"), grades.has(ref) && el("span", { class: "tag gold" }, `★ gold, grade ${grades.get(ref)}`),
        quotes(ref).length > 0 && el("span", { class: "tag" }, "cited")),
      el("div", { class: "pre", dir: "auto" }, content),
      missing.map((quote) => el("div", { class: "bad pre" }, "Not in this passage's text: “", apart(quote), "”")));
  }));
}

/** The text with its quotes marked, and the quotes that are not in it. */
function highlighted(text, quotes) {
  const isMarked = new Uint8Array(text.length);
  const missing = [];
  for (const quote of quotes) {
    const [start, length] = find(text, quote);
    if (start < 0) missing.push(quote);
    else isMarked.fill(1, start, start + length);
  }
  const content = [];
  for (let start = 0, end; start < text.length; start = end) {
    for (end = start; end < text.length && isMarked[end] === isMarked[start]; ) end += 1;
    content.push(isMarked[start] ? el("mark", {}, text.slice(start, end)) : text.slice(start, end));
  }
  return [content, missing];
}

/** Where a quote stands: to the letter, or else with whatever spaces. */
function find(text, quote) {
  if (!quote.trim()) return [-1, 0];
  const start = text.indexOf(quote);
  if (start >= 0) return [start, quote.length];
  const words = quote.trim().split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = new RegExp(words.join("\\s+")).exec(text);
  return found ? [found.index, found[0].length] : [-1, 0];
}

function drawFigures(question) {
  if (!question[Q.values].length && !question[Q.seconds].length) return null;
  return el("div", { class: "pair" },
    question[Q.values].length > 0 && section("Measures", scrolling(el("table", { class: "grid" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "stage"), data.measures.map((name) => el("th", { scope: "col", class: "n" }, name)))),
      el("tbody", {}, question[Q.values].map((row, place) => el("tr", {}, el("th", { scope: "row" }, data.stages[place]), row.map((value) => el("td", { class: "n" }, number(value)))))))),
      question[Q.delta] !== null && el("p", { class: "hint" }, `${data.primary}, ${withIt} against ${without}: `, el("span", { class: way(question[Q.delta]) }, `${arrow(question[Q.delta])} ${signed(question[Q.delta])}`))),
    question[Q.seconds].length > 0 && section("Time", scrolling(el("table", { class: "grid" },
      el("tbody", {}, question[Q.seconds].map((value, place) => el("tr", {}, el("th", { scope: "row" }, data.timed[place]), el("td", { class: "n" }, time(value)))),
        el("tr", { class: "total" }, el("th", { scope: "row" }, "all together"), el("td", { class: "n" }, time(seconds(question)))))))));
}

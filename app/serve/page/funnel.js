// From the candidates to the kept: every candidate's place at every stage, as a drawing and as a table.

import { apart, el, freshId, outside, svg } from "./dom.js";
import { facts } from "./passages.js";

const STAGES = [
  ["dense", "dense_rank", "dense_score"], ["lexical", "lexical_rank", "lexical_score"], ["fused", "fused_rank", "fused_score"],
  ["rerank", "rerank_rank", "rerank_score"], ["final", "final_rank", null],
];
const TITLES = { dense: "Dense", lexical: "Lexical", fused: "Fused", rerank: "Rerank", final: "Final" };
const ROW = 15, LEFT = 44, RIGHT = 34, WIDTH = 400, TOP = 26;

/**
 * @param {object[]} candidates with their rank and score at every stage
 * @param {Set<string>} kept ids of the passages that were given to the model
 */
export function funnelPanel(candidates, kept) {
  const ordered = [...candidates].sort((a, b) => (a.final_rank ?? Infinity) - (b.final_rank ?? Infinity) || a.fused_rank - b.fused_rank);
  const lines = new Map(), rows = new Map();
  const light = (id) => {
    for (const [other, line] of lines) line.classList.toggle("lit", other === id);
    for (const [other, row] of rows) row.classList.toggle("lit", other === id);
    const line = lines.get(id);
    if (line) line.parentNode.append(line); // drawn last, over the others
  };
  const drawing = bumpChart(ordered, kept, lines, light);
  return el("div", {},
    el("p", { class: "soft" }, `${candidates.length} candidates were found, ${kept.size} were kept for the answer. `,
      "Point at a line or a row to follow one through the stages; open a title to read it."),
    drawing, rankTable(ordered, kept, rows, light));
}

function bumpChart(ordered, kept, lines, light) {
  const deepest = ordered.length;
  // Below the last place there is a band for ranks beyond it, and one for candidates that a stage did not return.
  const y = (rank) => TOP + ROW * ((rank === null ? deepest + 3.4 : Math.min(rank, deepest + 2)) - 0.5);
  const x = (stage) => LEFT + ((WIDTH - LEFT - RIGHT) * stage) / (STAGES.length - 1);
  const height = y(null) + 12;
  const heads = STAGES.map(([name], i) => svg("text", { x: x(i), y: 14, "text-anchor": "middle" }, TITLES[name]));
  const places = [1, 5, 10, 15, 20].filter((place) => place <= deepest);
  const ticks = places.map((place) => svg("text", { class: "tick", x: 0, y: y(place) + 4 }, place));
  const bands = [[`> ${deepest}`, deepest + 2, "beyond"], ["none", null, "none"]]
    .filter(([, , kind]) => ordered.some((candidate) => STAGES.some(([, rank]) => bandOf(candidate[rank], deepest) === kind)))
    .map(([words, rank]) => svg("text", { class: "tick", x: 0, y: y(rank) + 4 }, words));
  const numbers = ordered.filter(({ id }) => kept.has(id))
    .map((candidate) => svg("text", { class: "place", x: WIDTH - RIGHT + 10, y: y(candidate.final_rank) + 4 }, candidate.final_rank ?? ""));
  const cut = kept.size < deepest && kept.size > 0
    ? svg("line", { class: "cut", x1: x(3) + 14, x2: WIDTH - 8, y1: y(kept.size + 0.5), y2: y(kept.size + 0.5) }) : null;
  for (const candidate of [...ordered].reverse()) {
    const points = STAGES.map(([, rank], i) => [x(i), y(candidate[rank])]);
    const line = svg("g", { class: kept.has(candidate.id) ? "kept" : "", pointerenter: () => light(candidate.id), pointerleave: () => light(null) },
      svg("polyline", { class: "wide", points: points.join(" ") }), svg("polyline", { points: points.join(" ") }),
      points.map(([cx, cy]) => svg("circle", { cx, cy, r: 3 })));
    lines.set(candidate.id, line);
  }
  return svg("svg", {
    class: "bump", viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
    "aria-label": `How ${deepest} candidates change places from stage to stage; the table below says the same`,
  }, heads, ticks, bands, numbers, cut, svg("g", {}, [...lines.values()]));
}

/** A rank that has no row of its own: beyond the last one, or not returned at all. */
const bandOf = (rank, deepest) => (rank === null ? "none" : rank > deepest ? "beyond" : "");

function rankTable(ordered, kept, rows, light) {
  const body = el("tbody", {}, ordered.map((candidate) => {
    const more = freshId("candidate"), passage = candidate.passage;
    const hidden = el("tr", { id: more, class: "more", hidden: true },
      el("td", { colspan: STAGES.length + 1 }, facts(passage), scores(candidate), outside("p", {}, passage.text)));
    const title = el("button", { type: "button", class: "plain", "aria-expanded": "false", "aria-controls": more,
      click: () => {
        hidden.hidden = !hidden.hidden;
        title.setAttribute("aria-expanded", String(!hidden.hidden));
      },
      focus: () => light(candidate.id), blur: () => light(null) }, apart(passage.title || candidate.id));
    const row = el("tr", { class: kept.has(candidate.id) ? "kept" : "", pointerenter: () => light(candidate.id), pointerleave: () => light(null) },
      el("th", { scope: "row" }, title, kept.has(candidate.id) && el("span", { class: "away" }, " kept")),
      STAGES.map(([, rank]) => el("td", { class: "n" }, candidate[rank] ?? [el("span", { "aria-hidden": "true" }, "–"), el("span", { class: "away" }, "not returned")])));
    rows.set(candidate.id, row);
    return [row, hidden];
  }));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ranks of the candidates" },
    el("table", { class: "ranks" }, el("caption", {}, "The rank of each candidate at every stage"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Passage"), STAGES.map(([name]) => el("th", { scope: "col", class: "n" }, TITLES[name])))),
      body));
}

function scores(candidate) {
  const known = STAGES.filter(([, , score]) => score && typeof candidate[score] === "number");
  return el("p", { class: "facts" },
    known.map(([name, , score]) => el("span", {}, `${name} score `, el("b", {}, candidate[score].toPrecision(3).replace("-", "−")))),
    candidate.duplicates?.length > 0 && el("span", {}, "stands for its near-duplicates ", el("b", {}, apart(candidate.duplicates.join(", ")))));
}

// The three sites as looks of the one page, and programs by names that people read.

import { $ } from "./dom.js";

const SITES = {
  builddaily: { name: "Build Daily", tagline: "Ask about tools and products, or find the one right page." },
  paiddaily: { name: "Paid Daily", tagline: "Tickers that fit a setup, and what happened the last time." },
  sagedaily: { name: "Sage Daily", tagline: "A card or transit, read for your question from a closed canon." },
};
const NONE = { name: "quincunx", tagline: "Twenty candidates in, five passages out, an answer from the five." };

/** The site that the page's address fixes: `?site=sagedaily`; null where it fixes none. */
export function fixedSite() {
  const named = new URLSearchParams(location.search).get("site");
  return named !== null && Object.hasOwn(SITES, named) ? named : null;
}

/** The programs that belong to a site; all of them where none does. */
export function programsOf(site, programs) {
  const own = programs.filter((program) => program.indexes.includes(site));
  return own.length > 0 ? own : programs;
}

/** Gives the page the look of the fixed site, or else of what a program searches. */
export function wear(program) {
  const site = fixedSite() ?? program.indexes.find((index) => Object.hasOwn(SITES, index));
  const { name, tagline } = SITES[site] ?? NONE;
  document.documentElement.dataset.site = site ?? "quincunx";
  document.title = `${titleOf(program)} · ${name}`;
  $("site").textContent = name;
  $("tagline").textContent = tagline;
}

/** `chat_bridge` as it is read: Chat bridge. */
export function titleOf(program) {
  const words = program.name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

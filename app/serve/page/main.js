// The page: what is asked, what comes back, and the keys.

import { readLink, writeLink } from "./address.js";
import { clear, startTabs } from "./behind.js";
import { choices, details, fillIn, offerPrograms, showBusy, showInputs } from "./composer.js";
import { $, el } from "./dom.js";
import { thumbs } from "./feedback.js";
import { askForKey, startKey } from "./key.js";
import { fixedSite, programsOf, wear } from "./looks.js";
import { closeProof } from "./sentences.js";
import { askProgram, listPrograms, ServiceError, takesFeedback } from "./service.js";
import { startTheme } from "./theme.js";
import { Turn } from "./turn.js";
import { inPlainWords } from "./views.js";

const RETRY_MILLISECONDS = 1000;

let programs = [], program = null, hasFeedback = false;
/** Stops the answer that is on its way; null while none is. @type {AbortController | null} */
let asking = null;
/** Earlier turns as the service takes them, oldest first. @type {{question: string, answer: string}[]} */
let history = [];

async function start() {
  startTheme();
  startTabs();
  startKey();
  listen();
  programs = programsOf(fixedSite(), await untilReady());
  $("notice").hidden = true;
  if (programs.length === 0) {
    notice("This service has indexes but no program to ask.");
    return;
  }
  offerPrograms(programs, (chosen) => choose(chosen));
  open();
  hasFeedback = await takesFeedback();
}

/** Returns the programs once the service has loaded its models, and has the key that it may ask for. */
async function untilReady() {
  while (true) {
    try {
      return await listPrograms();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (error.status === 401 || error.status === 403) {
        notice(`A key is needed: ${error.message}`);
        await askForKey(error.message);
        continue;
      }
      if (error.code !== "not_ready" && error.code !== "unreachable") {
        notice(`${error.message} (${error.code})`);
        throw error;
      }
      notice(error.code === "not_ready" ? "The service is loading its models…" : error.message);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
    }
  }
}

function notice(words) {
  $("notice").textContent = words;
  $("notice").hidden = false;
}

function choose(chosen) {
  if (chosen === program) return;
  program = chosen;
  beginAfresh();
  wear(program);
  showInputs(program);
}

/** Fills the form in as the link says, and asks nothing. */
function open() {
  const shared = readLink(location.hash);
  choose(programs.find(({ name }) => name === shared.program) ?? program ?? programs[0]);
  fillIn(shared);
}

function beginAfresh() {
  asking?.abort();
  history = [];
  $("answers").replaceChildren();
  $("afresh").hidden = true;
  $("behind").hidden = true;
  clear();
}

async function ask() {
  const question = $("question").value;
  if (asking || !program || !question.trim()) return;
  const { settings, budget } = choices();
  const asked = { question, details: details(), settings, budget };
  window.history.replaceState(null, "", writeLink({ program: program.name, ...asked }));
  const turn = new Turn(program, asked, (offered) => {
    $("question").value = offered;
    ask();
  });
  if (!program.history) $("answers").replaceChildren();
  $("answers").append(turn.element);
  $("afresh").hidden = !program.history;
  const own = (asking = new AbortController());
  showBusy(true);
  turn.element.scrollIntoView({ block: "nearest" });
  try {
    const body = { ...asked, ...(program.history && { history }) };
    for await (const event of askProgram(program.name, body, own.signal)) turn.take(event);
    ended(turn, question);
  } catch (error) {
    if (own.signal.aborted) turn.end("Stopped. What stands above was checked.");
    else if (error instanceof ServiceError) failed(turn, error);
    else throw error;
  } finally {
    if (asking === own) {
      asking = null;
      showBusy(false);
    }
  }
}

function ended(turn, question) {
  const { answer } = turn;
  if (hasFeedback && answer.id) turn.offer(thumbs(answer));
  if (program.history) {
    history.push({ question, answer: inPlainWords(answer.output) });
    $("question").value = "";
  }
}

function failed(turn, error) {
  const again = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  turn.end(`${error.message}${again}`, `${error.code}${error.request_id ? ` · request ${error.request_id}` : ""}`);
  if (error.status === 401 || error.status === 403) askForKey(error.message);
}

function listen() {
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  $("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
  $("stop").addEventListener("click", () => asking?.abort());
  $("example").addEventListener("click", () => {
    $("question").value = program?.example ?? "";
    $("question").focus();
  });
  $("afresh").addEventListener("click", () => {
    beginAfresh();
    $("question").focus();
  });
  $("share").addEventListener("click", copyLink);
  window.addEventListener("hashchange", () => programs.length > 0 && open());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !$("key-dialog").open && !closeProof()) asking?.abort();
    if (event.key !== "/" || event.target.closest("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    $("question").focus();
  });
}

/** Puts the question's link into the address and onto the clipboard, where there is one to write to. */
async function copyLink() {
  if (!program) return;
  window.history.replaceState(null, "", writeLink({ program: program.name, question: $("question").value, details: details() }));
  const told = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  $("share").textContent = told ? "Copied" : "In the address bar";
  $("said").append(el("span", {}, told ? "Link copied " : "The link stands in the address bar "));
  setTimeout(() => ($("share").textContent = "Copy link"), 2000);
}

start();

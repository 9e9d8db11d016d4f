// Opening and closing a question, the keys, light and dark.

const byId = new Map(data.questions.map((question) => [question[Q.id], question]));
let scrolled = 0;

function open(id) {
  if (state.open === null) scrolled = scrollY;
  state.open = id;
  writeAddress(true);
  showView();
}

function close() {
  state.open = null;
  writeAddress(true);
  showView();
}

function step(by) {
  const place = shown.findIndex((index) => data.questions[index][Q.id] === state.open) + by;
  if (place < 0 || place >= shown.length) return;
  cursor = place;
  state.open = data.questions[shown[place]][Q.id];
  writeAddress(false);
  showView();
}

function showView() {
  const question = state.open === null ? null : byId.get(state.open);
  $("overview").hidden = Boolean(question);
  $("detail").hidden = !question;
  $("to-questions").hidden = Boolean(question);
  if (question) {
    drawDetail(question);
    scrollTo(0, 0);
    $("asked").focus({ preventScroll: true });
    return;
  }
  $("detail").replaceChildren();
  drawList();
  scrollTo(0, scrolled);
  if (scrolled) $("rows").querySelector(`[data-place="${cursor}"]`)?.focus({ preventScroll: true });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target === $("search");
  const isOpen = state.open !== null;
  const onRow = event.target.closest?.("#rows tr");
  const act = {
    j: () => (isOpen ? step(1) : moveTo(onRow ? cursor + 1 : cursor)),
    k: () => (isOpen ? step(-1) : moveTo(onRow ? cursor - 1 : cursor)),
    ArrowDown: !isOpen && (onRow || isTyping) && (() => moveTo(onRow ? cursor + 1 : cursor)),
    ArrowUp: !isOpen && onRow && (() => moveTo(cursor - 1)),
    ArrowRight: isOpen && (() => step(1)),
    ArrowLeft: isOpen && (() => step(-1)),
    Enter: onRow && (() => open(data.questions[shown[cursor]][Q.id])),
    Escape: isOpen ? close : isTyping && (() => $("search").blur()),
    "/": !isOpen && (() => $("search").focus()),
    d: () => toggleTheme(),
  }[event.key];
  if (!act || (isTyping && !["ArrowDown", "Escape"].includes(event.key))) return;
  event.preventDefault();
  act();
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

function toggleTheme() {
  setTheme(isDark() ? "light" : "dark");
  // A page without an origin of its own may keep nothing; then the choice lasts as long as the page.
  try { localStorage.setItem("quincunx-theme", document.documentElement.dataset.theme); } catch { /* see above */ }
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  $("theme").textContent = isDark() ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(isDark()));
}

function follow() {
  readAddress();
  if (!byId.has(state.open)) state.open = null; // an address from another run
  $("search").value = state.search;
  select();
  const place = shown.findIndex((index) => data.questions[index][Q.id] === state.open);
  if (place >= 0) cursor = place;
  showView();
}

let kept = null;
try { kept = localStorage.getItem("quincunx-theme"); } catch { /* see toggleTheme */ }
setTheme(kept === "dark" || kept === "light" ? kept : null);
prefersDark.addEventListener("change", () => setTheme(null));
$("theme").addEventListener("click", toggleTheme);
$("to-questions").addEventListener("click", () => { $("questions").scrollIntoView(); moveTo(cursor); });
document.addEventListener("keydown", onKey);
addEventListener("popstate", follow);
startList();
follow();
document.documentElement.dataset.ready = "true";

// The key that a service may ask for: kept in this tab, sent only to this service.

import { $ } from "./dom.js";
import { key } from "./service.js";

let waiting = () => {};

/** Shows what goes with a key, and hides the links that would be followed without it. */
function showKeyed(isKeyed) {
  $("key-button").hidden = !isKeyed;
  $("open-links").hidden = isKeyed;
}

/** Wires the dialog and the button that opens it. */
export function startKey() {
  const dialog = $("key-dialog");
  showKeyed(key.get() !== "");
  $("key-button").addEventListener("click", () => askForKey(""));
  $("key-close").addEventListener("click", () => dialog.close());
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    key.set($("key").value.trim());
    $("key").value = "";
    dialog.close();
    waiting();
  });
}

/** Opens the dialog; resolves once a key was given. @returns {Promise<void>} */
export function askForKey(why) {
  $("key-why").textContent = why;
  showKeyed(true);
  if (!$("key-dialog").open) $("key-dialog").showModal();
  return new Promise((resolve) => (waiting = resolve));
}

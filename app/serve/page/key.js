// The key that a service may ask for: kept in this tab, sent only to this service.

import { $ } from "./dom.js";
import { key } from "./service.js";

let waiting = () => {};

/** Wires the dialog and the button that opens it. */
export function startKey() {
  const dialog = $("key-dialog");
  $("key-button").hidden = !key.get();
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
  $("key-button").hidden = false;
  if (!$("key-dialog").open) $("key-dialog").showModal();
  return new Promise((resolve) => (waiting = resolve));
}

"use strict";

// Shows the token of what is typed a moment after the last key. The server renders it, and saves nothing.
const PAUSE = 400;
const editor = document.querySelector(".claims-editor");
const form = editor.closest("form");
const token = document.getElementById("claims-token");
const names = document.getElementById("claims-names");
let target = form.querySelector("textarea.json");
let waiting;
let asked = 0;

async function refresh() {
  const number = ++asked;
  const answer = await fetch(editor.dataset.preview, { method: "POST", body: new FormData(form) });
  if (!answer.ok || answer.redirected || number !== asked) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  show(page, token);
  show(page, names);
  offerNames();
}

// What says the same stays, and so does the focus in it.
function show(page, part) {
  const next = page.getElementById(part.id);
  if (!next || next.textContent.replace(/\s+/g, "") === part.textContent.replace(/\s+/g, "")) return;
  part.replaceChildren(...next.childNodes);
}

// A name becomes a button that writes it where the cursor last was in the template.
function offerNames() {
  for (const name of names.querySelectorAll("code[data-inserts]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "insert";
    button.textContent = name.textContent;
    button.title = "Insert";
    button.addEventListener("click", () => insert(button.textContent));
    name.replaceWith(button);
  }
}

function insert(text) {
  target.setRangeText(text, target.selectionStart, target.selectionEnd, "end");
  target.focus();
  target.dispatchEvent(new Event("input", { bubbles: true }));
}

if (target && token) {
  form.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea.json")) target = event.target;
  });
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, PAUSE);
  });
  offerNames();
}

"use strict";

// Select2 draws its own box beside a select and leaves it without a name: it gets that of the select's label.
function nameBoxes(root) {
  for (const select of root.querySelectorAll("select.admin-autocomplete")) {
    const label = select.getAttribute("aria-label") || select.labels?.[0]?.textContent.trim().replace(/:$/, "");
    const box = select.nextElementSibling;
    for (const part of box?.querySelectorAll(".select2-selection, .select2-selection__rendered") ?? []) {
      const value = part.textContent.trim();
      part.removeAttribute("aria-labelledby");
      part.setAttribute("aria-label", [label, value].filter(Boolean).join(": "));
    }
  }
}

window.addEventListener("load", () => {
  const $ = window.django.jQuery;
  // Ready handlers run in turn, so this one runs when Django's own has drawn the boxes.
  $(() => nameBoxes(document));
  $(document).on("select2:select select2:clear", () => nameBoxes(document));
});
document.addEventListener("formset:added", (event) => setTimeout(() => nameBoxes(event.target)));

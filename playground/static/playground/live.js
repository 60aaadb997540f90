// What is marked data-part is looked up again each second, and only what has changed is replaced. A hidden tab, and one
// that nobody has touched for a while, asks for nothing; what holds the focus or a selection is left alone.
"use strict";

const EVERY = 1000; // milliseconds
const IDLE = 5 * 60 * 1000;

const box = document.querySelector("[data-live]");
if (box) {
  const problem = box.querySelector("[data-live-problem]");
  let touched = Date.now();
  let asking = false;
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });
  }
  const isHeld = (part) => {
    const selection = getSelection();
    return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
  };
  const merge = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
      if (old && old.outerHTML !== part.outerHTML && !isHeld(old)) old.replaceWith(document.adoptNode(part));
    }
  };
  const poll = async () => {
    if (asking || document.hidden || Date.now() - touched > IDLE) return;
    asking = true;
    try {
      const answer = await fetch(box.dataset.live, { signal: AbortSignal.timeout(5000) });
      problem.hidden = answer.ok;
      if (answer.ok) merge(await answer.text());
    } catch {
      problem.hidden = false;
    } finally {
      asking = false;
    }
  };
  setInterval(poll, EVERY);
  document.addEventListener("visibilitychange", poll);
  for (const form of document.querySelectorAll("form[data-quietly]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
      } catch {
        form.submit();
      }
      poll();
    });
  }
}

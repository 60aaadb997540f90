// What is marked data-part is looked up again each second, or as often as data-every says, and only what has changed is
// replaced. A hidden tab, and one that nobody has touched for a while, asks for nothing; what holds the focus or a
// selection is left alone. An answer marked data-over is the last.
"use strict";

const EVERY = 1000; // milliseconds between two looks
const IDLE = 5 * 60 * 1000;

const box = document.querySelector("[data-live]");
if (box) {
  const problem = box.querySelector("[data-live-problem]");
  let touched = Date.now();
  let asking = false;
  const said = new Map(); // what the server has last said of each part: scripts may have changed what is shown
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });
  }
  const isHeld = (part) => {
    const selection = getSelection();
    return part.contains(document.activeElement) || (!selection.isCollapsed && selection.containsNode(part, true));
  };
  const merge = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    let left = 0;
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const name = part.dataset.part;
      const old = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
      const says = part.outerHTML;
      if (!old || (said.get(name) ?? old.outerHTML) === says) continue;
      if (isHeld(old)) {
        left += 1;
        continue;
      }
      said.set(name, says);
      old.replaceWith(document.adoptNode(part));
    }
    if (!left && fresh.querySelector("[data-over]")) {
      clearInterval(timer);
      box.removeAttribute("data-live");
    }
  };
  const poll = async () => {
    if (asking || document.hidden || Date.now() - touched > IDLE || !box.dataset.live) return;
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
  const timer = setInterval(poll, Number(box.dataset.every ?? EVERY));
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

// A board of lanes is replayed: the bars appear as the moment passes them, and the commands as they are sent.
// Without this script everything is drawn as it was at the end.
"use strict";

const SLOWEST = 9000; // milliseconds that a whole replay takes
const still = matchMedia("(prefers-reduced-motion: reduce)");

// The last command that was sent by now, after what it is for.
const sentUntil = (words, now) => {
  const sent = [...words.querySelectorAll("[data-command]")].filter((each) => Number(each.dataset.command) <= now);
  if (!sent.length) return "";
  const text = (selector) => sent[sent.length - 1].querySelector(selector)?.textContent ?? "";
  return [text(".hint"), text(".command")].filter(Boolean).join(": ");
};

for (const board of document.querySelectorAll("[data-board]")) {
  const until = Number(board.dataset.until);
  const scrub = board.querySelector("[data-scrub]");
  const moment = board.querySelector("[data-moment]");
  const button = board.querySelector("[data-replay]");
  const pictures = [...board.querySelectorAll("[data-track]")];
  const words = [...board.querySelectorAll("[data-words]")];
  let frame = 0;
  board.classList.add("replayed");

  const show = (now) => {
    const at = (now / until) * 1000;
    pictures.forEach((picture, n) => {
      for (const bar of picture.querySelectorAll("rect[data-start]")) {
        const start = Number(bar.dataset.start);
        bar.dataset.width ??= bar.getAttribute("width");
        const grown = ((now - start) / until) * 1000;
        bar.setAttribute("width", Math.min(Number(bar.dataset.width), Math.max(1, grown)));
        bar.classList.toggle("ahead", start > now);
      }
      for (const cover of picture.querySelectorAll("[data-head]")) {
        cover.setAttribute("x1", at);
        cover.setAttribute("x2", at);
      }
      for (const step of words[n].querySelectorAll("li[data-start]")) step.classList.toggle("ahead", Number(step.dataset.start) > now);
      const over = now >= Number(picture.dataset.total);
      picture.querySelector("[data-passing]").textContent = over ? picture.dataset.ends : sentUntil(words[n], now);
      picture.classList.toggle("over", over);
      words[n].classList.toggle("over", over);
    });
    moment.textContent = `${now < 10 ? now.toFixed(1) : Math.round(now)} ms`;
    scrub.value = Math.round(at);
    scrub.setAttribute("aria-valuetext", moment.textContent);
  };

  const stop = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    button.textContent = "Replay";
  };

  const play = (from) => {
    const began = performance.now() - (from / until) * SLOWEST;
    button.textContent = "Stop";
    const step = (time) => {
      const now = Math.min(until, ((time - began) / SLOWEST) * until);
      show(Math.max(0, now));
      if (now >= until) stop();
      else frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
  };

  const starts = [...board.querySelectorAll("li[data-start]")].map((step) => Number(step.dataset.start)).sort((a, b) => a - b);
  board.querySelector("[data-step]").addEventListener("click", () => {
    stop();
    const now = Number(scrub.value) >= 1000 ? -1 : (Number(scrub.value) / 1000) * until;
    const next = starts.find((start) => start > now + until / 1000);
    show(next ?? until);
  });
  for (const passing of board.querySelectorAll("[data-passing]")) passing.hidden = false;
  board.querySelector("[data-player]").hidden = false;
  button.addEventListener("click", () => (frame ? stop() : play(Number(scrub.value) >= 1000 ? 0 : (Number(scrub.value) / 1000) * until)));
  scrub.addEventListener("input", () => {
    stop();
    show((Number(scrub.value) / 1000) * until);
  });
  if (still.matches || !board.hasAttribute("data-autoplay")) show(until);
  else play(0);
}

for (const form of document.querySelectorAll("[data-busy]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.setAttribute("aria-disabled", "true");
    button.textContent = "It runs…";
  });
}

// A sequence is stepped through; the parts of the page that are replaced while a run goes on need no second look.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-upto]")) return;
  const upto = Number(event.target.value);
  for (const row of event.target.closest("[data-sequence]").querySelectorAll("[data-number]")) {
    row.classList.toggle("later", Number(row.dataset.number) > upto);
  }
});

// A board of lanes is replayed: the bars appear as the moment passes them, and the commands as they are sent.
// Without this script everything is drawn as it was at the end.
"use strict";

const SLOWEST = 9000; // milliseconds that a whole replay takes
const still = matchMedia("(prefers-reduced-motion: reduce)");

for (const board of document.querySelectorAll("[data-board]")) {
  const until = Number(board.dataset.until);
  const scrub = board.querySelector("[data-scrub]");
  const moment = board.querySelector("[data-moment]");
  const button = board.querySelector("[data-replay]");
  const tracks = [...board.querySelectorAll("[data-track]")];
  let frame = 0;

  const show = (now) => {
    const at = (now / until) * 1000;
    for (const track of tracks) {
      for (const bar of track.querySelectorAll("rect[data-start]")) {
        const start = Number(bar.dataset.start);
        bar.classList.toggle("ahead", start > now);
      }
      for (const cover of track.querySelectorAll("[data-head]")) {
        cover.setAttribute("x1", at);
        cover.setAttribute("x2", at);
      }
      for (const step of track.querySelectorAll("li[data-start]")) step.classList.toggle("ahead", Number(step.dataset.start) > now);
      const sent = [...track.querySelectorAll("[data-command]")].filter((each) => Number(each.dataset.command) <= now);
      const passing = track.querySelector("[data-passing]");
      const over = now >= Number(track.dataset.total);
      passing.textContent = over ? "The caller has its answer." : sent.length ? sent[sent.length - 1].textContent : "";
      track.classList.toggle("over", over);
    }
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

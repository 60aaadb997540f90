// A page that could not be shown asks again by itself, and is shown as soon as it can be. A hidden tab asks for nothing.
"use strict";

const retry = document.querySelector("[data-retry]");
const says = document.querySelector("[data-retry-says]");
if (retry) {
  const every = Math.max(1, Number(retry.dataset.retry)) * 1000;
  says.textContent = "It is tried again by itself.";
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(retry.href, { method: "HEAD", signal: AbortSignal.timeout(every) });
      if (answer.status !== 503) location.replace(retry.href);
    } catch {
      says.textContent = "This site itself does not answer now; it is tried again by itself.";
    }
  }, every);
}

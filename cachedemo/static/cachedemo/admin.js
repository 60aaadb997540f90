// The operators' pages: how often the live part is fetched anew, how old it is, and how many are ticked. htmx does the
// rest.
(function () {
  "use strict";

  document.querySelectorAll("form:has([data-cd-ticked])").forEach((form) => {
    const say = () => form.querySelectorAll("[data-cd-ticked]").forEach((count) => {
      count.textContent = form.querySelectorAll("input:checked").length || "";
    });
    form.addEventListener("change", say);
    addEventListener("pageshow", say);
  });

  const live = document.getElementById("cd-live");
  const choice = document.querySelector("[data-cd-interval]");
  const age = document.querySelector("[data-cd-updated]");
  if (!live || !choice) return;

  const remembered = "cachedemo-refresh";
  const kept = localStorage.getItem(remembered);
  if (kept !== null && choice.querySelector(`option[value="${Number(kept)}"]`)) choice.value = String(Number(kept));
  choice.addEventListener("change", () => localStorage.setItem(remembered, choice.value));

  let updated = Date.now();
  let asked = Date.now();
  let failed = false;

  // What somebody is about to confirm, or has ticked or is typing, stays where it is.
  function isBusy() {
    return live.querySelector("details[open], input:checked, dialog[open]") !== null ||
      (live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));
  }

  function words() {
    const seconds = Math.round((Date.now() - updated) / 1000);
    const since = seconds < 1 ? "updated now" : `updated ${seconds} s ago`;
    return failed ? `${since}, no answer since` : since;
  }

  function tick() {
    age.textContent = words();
    age.classList.toggle("cd-bad", failed);
    const interval = Number(choice.value) * 1000;
    if (!interval || !window.htmx || document.hidden || isBusy() || Date.now() - asked < interval) return;
    asked = Date.now();
    htmx.trigger(live, "cd:refresh");
  }

  live.addEventListener("htmx:beforeSwap", (event) => {
    const signedOut = new URL(event.detail.xhr.responseURL).pathname !== location.pathname;
    if (signedOut) event.detail.shouldSwap = false;
    if (signedOut) location.reload();
    if (isBusy()) event.detail.shouldSwap = false;
  });
  live.addEventListener("htmx:afterSwap", () => { updated = Date.now(); failed = false; tick(); });
  live.addEventListener("htmx:responseError", () => { failed = true; });
  live.addEventListener("htmx:sendError", () => { failed = true; });
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 250);
})();

// The operators' pages: how often the live part is fetched anew, how old it is, and how many are ticked. htmx does the
// rest.
(function () {
  "use strict";

  const IDLE = 15 * 60 * 1000;  // milliseconds

  document.querySelectorAll("form:has([data-cd-ticked])").forEach((form) => {
    const boxes = form.querySelectorAll("input[type=checkbox]:not([data-cd-all])");
    const all = form.querySelector("[data-cd-all]");
    const say = () => {
      const ticked = [...boxes].filter((box) => box.checked).length;
      form.querySelectorAll("[data-cd-ticked]").forEach((count) => { count.textContent = ticked || ""; });
      if (!all) return;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    };
    if (all) all.hidden = false;
    if (all) all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
    let last = null;  // shift and a click tick everything between
    boxes.forEach((box, i) => box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) {
        for (let at = Math.min(last, i); at <= Math.max(last, i); at++) boxes[at].checked = box.checked;
        say();
      }
      last = i;
    }));
    form.addEventListener("change", say);
    addEventListener("pageshow", say);
  });

  // The values of one time on all charts: under the pointer, or by the arrow keys. Without it, the last ones stand there.
  let at = null;
  function point(charts) {
    const times = charts.dataset.cdTimes.split("|");
    if (at !== null) at = Math.min(Math.max(at, 0), times.length - 1);
    charts.querySelectorAll("[data-cd-at]").forEach((said) => { said.textContent = at === null ? "" : times[at]; });
    charts.querySelectorAll("[data-cd-values]").forEach((value) => {
      value.dataset.cdLast ??= value.textContent;
      value.textContent = at === null ? value.dataset.cdLast : value.dataset.cdValues.split("|")[at] || "–";
    });
    charts.querySelectorAll(".cd-hover").forEach((line) => line.setAttribute("d", at === null ? "" : `M${at} 0V100`));
  }
  function moveTo(charts, place) {
    at = place;
    if (charts) point(charts);
  }
  document.addEventListener("pointermove", (event) => {
    const charts = event.target.closest(".cd-charts");
    const curves = event.target.closest(".cd-plot")?.querySelector(".cd-curves");
    if (!curves) {
      if (at !== null && !document.activeElement?.matches(".cd-charts")) moveTo(document.querySelector(".cd-charts"), null);
      return;
    }
    const { left, width } = curves.getBoundingClientRect();
    const last = charts.dataset.cdTimes.split("|").length - 1;
    moveTo(charts, Math.round(Math.min(1, Math.max(0, (event.clientX - left) / width)) * last));
  });
  document.addEventListener("keydown", (event) => {
    const charts = event.target.closest?.(".cd-charts");
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!charts || !step) return;
    event.preventDefault();
    moveTo(charts, (at ?? charts.dataset.cdTimes.split("|").length - 1 - step) + step);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches(".cd-charts")) moveTo(event.target, null);
  });

  const live = document.getElementById("cd-live");
  const choice = document.querySelector("[data-cd-interval]");
  const age = document.querySelector("[data-cd-updated]");
  if (!live || !choice) return;

  // Makes one element like another, and touches nothing that is like it already: scroll, focus and selection stay.
  function morph(old, fresh) {
    for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const [nodes, wanted] = [[...old.childNodes], [...fresh.childNodes]];
    wanted.forEach((want, i) => {
      const node = nodes[i];
      if (!node) old.append(want);
      else if (node.nodeName !== want.nodeName) node.replaceWith(want);
      else if (node.nodeType !== Node.ELEMENT_NODE) { if (node.data !== want.data) node.data = want.data; }
      else if (!node.isEqualNode(want)) morph(node, want);
    });
    nodes.slice(wanted.length).forEach((node) => node.remove());
  }

  const remembered = "cachedemo-refresh";
  const kept = localStorage.getItem(remembered);
  if (kept !== null && choice.querySelector(`option[value="${Number(kept)}"]`)) choice.value = String(Number(kept));
  choice.addEventListener("change", () => localStorage.setItem(remembered, choice.value));

  let updated = Date.now();
  let asked = Date.now();
  let failed = false;
  let touched = Date.now();
  for (const kind of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });
  }

  // What somebody is about to confirm, or has ticked or is typing, stays where it is.
  function isBusy() {
    return live.querySelector("details[open], input:checked, dialog[open]") !== null ||
      (live.contains(document.activeElement) && document.activeElement.matches("input, select, textarea"));
  }

  function isIdle() {
    return Date.now() - touched > IDLE;
  }

  function words() {
    const seconds = Math.round((Date.now() - updated) / 1000);
    if (isIdle()) return `not refreshed while nobody looks: updated ${seconds} s ago`;
    const since = seconds < 1 ? "updated now" : `updated ${seconds} s ago`;
    return failed ? `${since}, no answer since` : since;
  }

  function tick() {
    age.textContent = words();
    age.classList.toggle("cd-bad", failed);
    const interval = Number(choice.value) * 1000;
    if (!interval || !window.htmx || document.hidden || isIdle() || isBusy() || Date.now() - asked < interval) return;
    asked = Date.now();
    htmx.trigger(live, "cd:refresh");
  }

  live.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    event.detail.shouldSwap = false;
    if (new URL(xhr.responseURL).pathname !== location.pathname) return location.reload();  // signed out
    if (xhr.status !== 200 || isBusy()) return;
    const fresh = live.cloneNode(false);
    fresh.innerHTML = xhr.response;
    const charts = () => live.querySelector(".cd-charts");  // another element afterwards, where one was put before it
    const pointed = at;
    moveTo(charts(), null);
    morph(live, fresh);
    charts()?.querySelectorAll("[data-cd-last]").forEach((value) => delete value.dataset.cdLast);
    moveTo(charts(), pointed);
    updated = Date.now();
    failed = false;
    tick();
  });
  live.addEventListener("htmx:responseError", () => { failed = true; });
  live.addEventListener("htmx:sendError", () => { failed = true; });
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 250);
})();

"use strict";
// Fetch the page again every few seconds, slower when it is slow, and put its live part in place of the old one.
const live = document.getElementById("live");
const wanted = document.getElementById("refresh");
wanted.parentElement.hidden = false;

async function refresh() {
  const began = performance.now();
  if (wanted.checked && !document.hidden) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      const open = new Set([...live.querySelectorAll("details[open]")].map((details) => details.id));
      if (fresh) live.replaceChildren(...fresh.childNodes);
      for (const details of live.querySelectorAll("details")) details.open = open.has(details.id);
      live.classList.remove("stale");
    } catch {
      live.classList.add("stale");
    }
  }
  setTimeout(refresh, Math.max(5000, 20 * (performance.now() - began)));
}

setTimeout(refresh, 5000);

// Replaces the sections of the page as the watcher sends them, and lets ages grow. The page is whole without it.
"use strict";

const main = document.querySelector("main");
const link = document.getElementById("link");
let ahead = Number(main.dataset.now) - Date.now() / 1000; // the watcher's clock against this one

function age(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${Math.max(0, Math.floor(seconds))}s`;
  if (hours < 1) return `${minutes}m`;
  return hours < 24 ? `${hours}h${String(minutes % 60).padStart(2, "0")}m` : `${Math.floor(hours / 24)}d`;
}

function grow() {
  const now = Date.now() / 1000 + ahead;
  for (const one of document.querySelectorAll("[data-since]")) {
    const text = age(now - Number(one.dataset.since));
    if (one.textContent !== text) one.textContent = text;
  }
}

function replace(id, html) {
  const there = document.getElementById(id);
  if (!there) return;
  // What is scrolled stays where it is: somebody reads it.
  const scrolled = [...there.querySelectorAll(".grid, .drift")].map((one) => [one.scrollLeft, one.scrollTop]);
  const parsed = new DOMParser().parseFromString(html, "text/html");
  there.replaceChildren(...parsed.body.childNodes);
  there.querySelectorAll(".grid, .drift").forEach((one, n) => {
    if (scrolled[n]) [one.scrollLeft, one.scrollTop] = scrolled[n];
  });
}

const source = new EventSource("stream");
source.addEventListener("sections", (event) => {
  const told = JSON.parse(event.data);
  ahead = told.now_s - Date.now() / 1000;
  for (const [id, html] of Object.entries(told.sections)) replace(id, html);
  main.dataset.version = told.version;
  grow();
});
source.onopen = () => { link.textContent = "live"; link.className = ""; };
source.onerror = () => { link.textContent = "no connection to the watcher, trying again"; link.className = "lost"; };
setInterval(grow, 1000);

// What the pages do beyond showing: local times, stopping and removing seats, progress, staying current.
// Words never stand here: they come with the page, in the reader's language.
"use strict";

(() => {
  // English as in Europe: days before months, 24 hours.
  const language = { en: "en-GB" }[document.documentElement.lang] || document.documentElement.lang;

  /** Times as the reader's clock shows them; the day is added when it is not today. */
  function showLocalTimes(root) {
    for (const element of root.querySelectorAll("time[data-local]")) {
      const moment = new Date(element.dateTime);
      const today = moment.toDateString() === new Date().toDateString();
      const shape = { hour: "2-digit", minute: "2-digit", ...(today ? {} : { weekday: "short", day: "numeric", month: "short" }) };
      element.textContent = new Intl.DateTimeFormat(language, shape).format(moment);
      element.title = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" }).format(moment);
    }
  }

  function prepare(root) {
    for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
    showLocalTimes(root);
  }

  /** Say on the page what did not work. */
  function tell(sentence) {
    const place = document.getElementById("told");
    if (!place) return;
    place.textContent = sentence;
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
  }

  /** Buttons that ask the hub for something: `data-request` is the method, `data-url` where. */
  async function ask(button) {
    button.disabled = true;
    const options = { method: button.dataset.request, headers: { "X-XSRFToken": document.body.dataset.xsrf } };
    if (button.dataset.body) {
      options.body = button.dataset.body;
      options.headers["Content-Type"] = "application/json";
    }
    try {
      const reply = await fetch(button.dataset.url, options);
      if (!reply.ok && reply.status !== 404) throw new Error(`status ${reply.status}`);
      location.assign(button.dataset.then || location.href);
    } catch (error) {
      console.warn(button.dataset.request, button.dataset.url, error);
      button.disabled = false;
      tell(button.dataset.failed);
    }
  }

  /** A seat's start, step by step. Its end, good or bad, is a page of the hub's own. */
  function followProgress(place) {
    const bar = place.querySelector("progress");
    const steps = place.querySelector("ol");
    const source = new EventSource(place.dataset.progress);
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.progress !== undefined) bar.value = event.progress;
      if (event.ready || event.failed) {
        source.close();
        location.reload();
      } else if (event.message && event.progress > 0) {
        // The hub's own first event, at 0, has no words of ours; the page begins with one that has.
        const step = document.createElement("li");
        step.textContent = event.message;
        steps.append(step);
      }
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) location.reload();
    };
  }

  /** Fetch the page again and put its main part in place, as long as it asks for that. */
  function stayCurrent() {
    const main = document.querySelector("main[data-live]");
    if (main) setTimeout(refresh, 1000 * Number(main.dataset.live), main);
  }

  async function refresh(main) {
    if (document.hidden || main.querySelector("details[open]")) return stayCurrent();
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
      // Anything but this page (signed out, seat started): let the browser go there itself.
      if (reply.redirected) return location.reload();
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      replaceMain(main, page.querySelector("main"));
    } catch (error) {
      console.warn("refresh", error);
    }
    stayCurrent();
  }

  function replaceMain(main, fresh) {
    if (!fresh) return;
    prepare(fresh);
    if (fresh.innerHTML === main.innerHTML && fresh.dataset.live === main.dataset.live) return;
    const focused = main.contains(document.activeElement) ? document.activeElement.id : "";
    main.replaceWith(document.adoptNode(fresh));
    if (focused) document.getElementById(focused)?.focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-request]");
    if (button) ask(button);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.newSeat) {
      event.preventDefault();
      location.assign(form.dataset.newSeat + encodeURIComponent(form.elements.seat.value));
      return;
    }
    // A second click must not ask twice.
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = true;
  });

  // Back from the browser's memory: what was disabled then may be used again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const button of document.querySelectorAll("button[disabled]")) button.disabled = false;
  });

  prepare(document);
  const progress = document.querySelector("[data-progress]");
  if (progress) followProgress(progress);
  stayCurrent();
})();

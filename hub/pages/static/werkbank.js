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
      const day = element.dataset.local === "date" ? { year: "numeric", month: "short", day: "numeric" } : { weekday: "short", day: "numeric", month: "short" };
      const shape = { hour: "2-digit", minute: "2-digit", ...(today ? {} : day) };
      element.textContent = new Intl.DateTimeFormat(language, shape).format(moment);
      element.title = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" }).format(moment);
    }
  }

  function prepare(root) {
    for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
    showLocalTimes(root);
    countDown(root);
  }

  /** Seconds until something ends; only their number changes, so "s" and "min" are all the words there are. */
  function countDown(root) {
    for (const element of root.querySelectorAll("[data-countdown]")) {
      const left = Math.max(0, Math.round((Date.parse(element.dataset.countdown) - Date.now()) / 1000));
      element.textContent = left < 120 ? `${left}\u00a0s` : `${Math.round(left / 60)}\u00a0min`;
    }
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

  /** Make `old` like `fresh`, touching only what differs: focus, open details and a pressed button stay. */
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "disabled") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      // What the reader folded stays so.
      if (name === "open" && "fold" in old.dataset) continue;
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const key = (node) => node.id || "";
    const wanted = [...fresh.childNodes];
    const isWanted = (node) => key(node) && wanted.some((child) => key(child) === key(node));
    for (const [place, child] of wanted.entries()) {
      const known = key(child) && [...old.children].find((element) => element.id === child.id);
      if (known) {
        // What stands before it and is gone makes way: moving an element takes the focus from it.
        while (old.childNodes[place] !== known && !isWanted(old.childNodes[place])) old.childNodes[place].remove();
        if (old.childNodes[place] !== known) old.insertBefore(known, old.childNodes[place]);
      }
      const here = old.childNodes[place] || null;
      if (here && here.nodeName === child.nodeName && key(here) === key(child)) morph(here, child);
      else old.insertBefore(child, here);
    }
    while (old.childNodes.length > wanted.length) old.lastChild.remove();
  }

  /** Parts that are told when what their `data-say` holds changes. */
  function toTell(root) {
    return new Map([...root.querySelectorAll("[data-say]")].map((part) => [part.id, part.dataset.say]));
  }

  /** What changed, for ears: politely, or at once where something is about to be taken away. */
  function announce(before, root) {
    for (const [id, now] of toTell(root)) {
      if (before.get(id) === now) continue;
      const part = document.getElementById(id);
      const place = document.getElementById("sayNow" in part.dataset ? "say-now" : "say");
      const said = [...part.querySelectorAll("[data-said]")].map((element) => element.textContent.trim());
      if (place) place.textContent = said.join(": ").replace(/\s+/g, " ");
    }
  }

  /** Let `how` put fresh HTML in place: the focus stays where it is, and what changed is told. */
  function change(place, html, how) {
    const before = toTell(place);
    const fresh = place.cloneNode(false);
    fresh.innerHTML = html;
    prepare(fresh);
    const focused = document.activeElement;
    how(fresh);
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    announce(before, place);
  }

  function show(place, part) {
    change(place, part, (fresh) => morph(place, fresh));
  }

  /** Elements that changed, each in place of the one that has its id. */
  function showParts(place, parts) {
    change(place, parts, (fresh) => {
      for (const part of [...fresh.children]) morph(document.getElementById(part.id), part);
    });
  }

  /** A part of the page that the service sends anew, or in parts, whenever it changes. */
  function follow(place) {
    const SILENCE = 25000; // milliseconds: the service says something every 10 s
    let source = null;
    let heard = 0;
    function open() {
      heard = Date.now();
      if (source && source.readyState !== EventSource.CLOSED) return;
      source = new EventSource(place.dataset.stream);
      source.addEventListener("ping", () => (heard = Date.now()));
      const hear = (event, act) =>
        source.addEventListener(event, (message) => {
          heard = Date.now();
          document.getElementById("told").hidden = true;
          act(place, message.data);
        });
      hear("page", show);
      hear("parts", showParts);
      source.onerror = () => {
        if (source.readyState === EventSource.CLOSED) heard = Math.min(heard, Date.now() - SILENCE + 5000);
      };
    }
    /** Refused or silent: signed out, then the page itself leads to signing in; or the service is away. */
    async function again() {
      heard = Date.now();
      source?.close();
      try {
        const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (reply.redirected) return location.reload();
        if (!reply.ok) throw new Error(`status ${reply.status}`);
        open();
      } catch (error) {
        console.warn("follow", error);
        tell(place.dataset.lost);
        heard = Date.now() - SILENCE + 5000;
      }
    }
    // Browsers open few connections to one host: pages that nobody looks at leave theirs.
    document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : open()));
    open();
    setInterval(() => {
      countDown(place);
      if (!document.hidden && Date.now() - heard > SILENCE) again();
    }, 1000);
  }

  /** A form that is answered while it is filled in: `data-answer` says where, the part #answer shows it. */
  function answerForm(form) {
    const PAUSE = 300; // milliseconds after the last key
    const place = document.getElementById("answer");
    let timer = null;
    let asked = 0;
    async function answer() {
      const mine = ++asked;
      try {
        const reply = await fetch(form.dataset.answer, { method: "POST", body: new FormData(form), headers: { Accept: "text/html" } });
        if (reply.redirected) return location.reload();
        const part = await reply.text();
        if (reply.ok && mine === asked) show(place, part);
      } catch (error) {
        console.warn("answer", error);
      }
    }
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(answer, PAUSE);
    });
  }

  function fill(field, value) {
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.request) ask(button);
    if ("print" in button.dataset) print();
    if (button.dataset.copy) {
      navigator.clipboard?.writeText(button.dataset.copy).then(() => (button.textContent = button.dataset.copied));
    }
    const form = button.closest("form") || document.querySelector("form[data-answer]");
    if (button.dataset.fill && form) {
      for (const [name, value] of Object.entries(JSON.parse(button.dataset.fill))) if (form.elements[name]) fill(form.elements[name], value);
    }
    if (button.dataset.add) {
      const field = document.getElementById(button.dataset.to);
      fill(field, [field.value.trim().replace(/,$/, ""), button.dataset.add].filter(Boolean).join(", "));
    }
  });

  document.addEventListener("change", (event) => {
    const lessons = event.target.selectedOptions?.[0]?.dataset.lessons;
    if (lessons) fill(document.getElementById("lessons"), lessons);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.newSeat) {
      event.preventDefault();
      location.assign(form.dataset.newSeat + encodeURIComponent(form.elements.seat.value));
      return;
    }
    // A second click must not ask twice; only once the form is sent, for a disabled button does not say what it asks.
    const buttons = form.querySelectorAll("button[type=submit]:not([data-again])");
    setTimeout(() => buttons.forEach((button) => (button.disabled = true)));
  });

  // Back from the browser's memory: what was disabled then may be used again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const button of document.querySelectorAll("button[disabled]")) button.disabled = false;
  });

  // A learner's notebook: drawn again when it was saved, with its reader where they were.
  function followNotebook(frame) {
    const said = document.getElementById("said"), clock = document.getElementById("saved");
    async function look() {
      try {
        const reply = await fetch(frame.dataset.notebook, { cache: "no-store", headers: { Accept: "application/json" } });
        const answer = await reply.json();
        const told = reply.ok ? answer : { saved: null, said: answer.error.message };
        said.textContent = told.said;
        frame.hidden = told.saved === null;
        if (told.saved === null || String(told.saved) === frame.dataset.saved) return;
        frame.dataset.saved = told.saved;
        clock.textContent = new Date(told.saved * 1000).toLocaleTimeString(document.documentElement.lang, { hour12: false });
        const top = frame.contentWindow.scrollY;
        frame.addEventListener("load", () => frame.contentWindow.scrollTo(0, top), { once: true });
        frame.contentWindow.location.reload();
      } catch {
        said.textContent = frame.dataset.lost;
      }
    }
    setInterval(look, 3000);
  }

  prepare(document);
  const notebook = document.querySelector("[data-notebook]");
  if (notebook) followNotebook(notebook);
  const progress = document.querySelector("[data-progress]");
  if (progress) followProgress(progress);
  const answered = document.querySelector("form[data-answer]");
  if (answered) answerForm(answered);
  const stream = document.querySelector("[data-stream]");
  if (stream) follow(stream);
  stayCurrent();
})();

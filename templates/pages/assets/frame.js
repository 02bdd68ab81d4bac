// Every page works without this. It keeps live pages fresh and stops double sending.
(() => {
  "use strict";
  // A form is sent once: a second press while the first is on its way does nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
  // A page fetched from the browser's memory may be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
  });

  // <section id="…" data-fresh="15">: fetched again every 15 seconds and put in place, while
  // nobody is in it and nothing that was typed or chosen there waits to be sent.
  const parser = new DOMParser();
  const changed = (field) => {
    if (field.type === "checkbox" || field.type === "radio") {
      return field.checked !== field.defaultChecked;
    }
    if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
    const first = Array.from(field.options).findIndex((one) => one.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  };
  const inUse = (part) => part.contains(document.activeElement)
    || Array.from(part.querySelectorAll("input, select, textarea")).some(changed);
  const refresh = async (id) => {
    const old = document.getElementById(id);
    if (!old || document.hidden || inUse(old)) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected || !answer.ok) return void old.classList.add("stale");
      const page = parser.parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(id);
      // Somebody may have gone in, or sent it, while this was on its way.
      if (!fresh || inUse(old) || old.querySelector("form[data-sent]")) return;
      const folds = fresh.querySelectorAll("details");
      old.querySelectorAll("details").forEach((fold, at) => {
        if (fold.open && folds[at]) folds[at].open = true;
      });
      old.replaceWith(fresh);
    } catch {
      old.classList.add("stale");
    }
  };
  for (const part of document.querySelectorAll("[data-fresh][id]")) {
    const seconds = Math.max(5, Number(part.dataset.fresh) || 30);
    setInterval(refresh, seconds * 1000, part.id);
  }
})();

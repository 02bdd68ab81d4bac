// The compose form: its preview follows what is typed. Without this the button 预览 does the same.
(() => {
  "use strict";
  const form = document.querySelector("form[data-compose]");
  if (!form) return;
  const parser = new DOMParser();
  let waiting = 0;
  let turn = 0;
  const look = async () => {
    const mine = ++turn;
    const body = new URLSearchParams(new FormData(form));
    body.set("do", "preview");
    try {
      const answer = await fetch(form.action, { method: "POST", body });
      if (mine !== turn || answer.redirected) return;
      const page = parser.parseFromString(await answer.text(), "text/html");
      const [old, fresh] = [document.getElementById("preview"), page.getElementById("preview")];
      if (!old || !fresh) return;
      // Whoever reads in it goes on where he was.
      const [held, at] = [old.contains(document.activeElement), old.scrollTop];
      const folds = fresh.querySelectorAll("details");
      old.querySelectorAll("details").forEach((fold, n) => {
        if (fold.open && folds[n]) folds[n].open = true;
      });
      old.replaceWith(fresh);
      fresh.scrollTop = at;
      if (held) fresh.focus({ preventScroll: true });
    } catch {
      document.getElementById("preview")?.classList.add("stale");
    }
  };
  form.addEventListener("change", (event) => {
    if (event.target.id === "find") return;
    clearTimeout(waiting);
    waiting = setTimeout(look, 500);
  });
})();

// The live board is told that something has changed and fetches its figures; a row opens in place.
// Without this it works by links.
(() => {
  "use strict";
  const board = document.getElementById("board");
  if (!board) return;
  const path = board.dataset.board;
  const lost = document.getElementById("board-lost");
  const ended = document.getElementById("board-ended");
  let over = false;
  let asked = 0;
  const address = (part, node) => path + part + (node ? "?node=" + encodeURIComponent(node) : "");
  const here = () => new URLSearchParams(location.search).get("node") || "";
  const finish = () => {
    over = true;
    ended.hidden = false;
    board.classList.add("stale");
  };
  const fetchNow = async () => {
    if (over) return;
    const turn = ++asked;
    try {
      const answer = await fetch(address("/fragment", here()), { headers: { accept: "text/html" } });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return finish();
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (turn !== asked) return;
      const focus = document.activeElement;
      const held = board.contains(focus) ? focus.getAttribute("href") : null;
      const inTree = held !== null && focus.closest(".tree") !== null;
      board.innerHTML = text;
      board.classList.remove("stale");
      lost.hidden = true;
      if (held !== null) {
        const links = Array.from(board.querySelectorAll(inTree ? ".tree a" : "a"));
        const again = links.find((link) => link.getAttribute("href") === held) || links[0];
        if (again) again.focus({ preventScroll: true });
      }
    } catch {
      lost.hidden = false;
      board.classList.add("stale");
    }
  };
  // Many changes are one fetch, and no two fetches come within three seconds.
  let due = null;
  let last = 0;
  const soon = () => {
    if (due !== null || document.hidden) return;
    due = setTimeout(() => {
      due = null;
      last = Date.now();
      fetchNow();
    }, Math.max(0, last + 3000 - Date.now()));
  };
  board.addEventListener("click", (event) => {
    const to = event.target.closest("[data-node]");
    if (!to || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    history.pushState(null, "", address("", to.dataset.node));
    fetchNow();
  });
  window.addEventListener("popstate", fetchNow);
  document.addEventListener("visibilitychange", soon);
  setInterval(soon, 30000);
  if (!window.EventSource) return;
  const events = new EventSource(path + "/events");
  events.addEventListener("changed", soon);
  // The first greeting is of a page that was just loaded; a later one follows a broken line.
  let greeted = false;
  events.addEventListener("hello", () => {
    if (greeted) soon();
    greeted = true;
  });
  events.addEventListener("ended", () => {
    events.close();
    finish();
  });
})();

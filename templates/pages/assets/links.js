// Pages behind a link. Each tap gets a key of its own and the time since it was made, so that a
// tap sent late or twice is known; a call that was dialled is told.
(() => {
  "use strict";
  if (!document.body || !document.body.classList.contains("link")) return;
  const fresh = () => {
    const noise = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(noise, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  document.addEventListener("submit", (event) => {
    const key = event.target.elements.namedItem("key");
    if (key && !event.target.dataset.keyed) {
      key.value = fresh();
      event.target.dataset.keyed = "1";
    }
  }, true);
  // A page out of the browser's memory may be older than what others did since.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener("click", (event) => {
    const call = event.target.closest("a[data-call]");
    if (!call || !navigator.sendBeacon) return;
    const form = document.querySelector("form input[name=nonce]");
    if (!form) return;
    const fields = { do: "called", door: call.dataset.call, nonce: form.value, key: fresh() };
    navigator.sendBeacon(location.pathname, new URLSearchParams(fields));
  });
})();

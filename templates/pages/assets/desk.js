// The help desk has a key for each act, and stays fresh under the hands of whoever works at it:
// each card by itself, without taking the focus or what was typed. Without this it works by forms.
(() => {
  "use strict";
  const desk = document.getElementById("desk");
  if (!desk) return;
  const list = () => desk.querySelector("ol.desk");
  const cards = (of) => Array.from(of.querySelectorAll("ol.desk > .task"));

  // Keys.
  const current = () => document.activeElement && document.activeElement.closest(".task");
  const go = (step) => {
    const all = cards(desk);
    const at = all.indexOf(current());
    const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
    if (next) next.focus();
  };
  const acts = { t: "take", 1: "class1", 2: "class2", 3: "class3", 4: "heard", 5: "left",
    6: "safe", 0: "nothing" };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    // Enter in the result means the result, and not the first button of the card.
    if (typing && event.key === "Enter" && typing.name === "result") {
      const close = typing.form.querySelector('button[value="close"]');
      event.preventDefault();
      if (close) close.click();
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") return go(1);
    if (event.key === "k") return go(-1);
    const task = current();
    if (!task) return;
    const find = (what) => task.querySelector(what);
    if (event.key === "d") {
      const result = find("input[name=result]");
      if (result) result.focus();
      event.preventDefault();
    } else if (event.key === "a") {
      const more = find(".acts a") || find("select");
      if (more) more.tagName === "A" ? more.click() : more.focus();
    } else if (acts[event.key]) {
      const button = find('button[value="' + acts[event.key] + '"]');
      if (button) button.click();
    }
  });

  // What is in somebody's hand stays: the focus, what was typed or chosen, what is being sent.
  const changed = (field) => {
    if (field.type === "hidden") return false;
    if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
    const first = Array.from(field.options).findIndex((one) => one.defaultSelected);
    return field.selectedIndex !== Math.max(0, first);
  };
  const isSent = (card) => card.querySelector("form[data-sent]") !== null;
  const isInside = (part) => part !== document.activeElement
    && part.contains(document.activeElement);
  const isBusy = (card) => isSent(card) || isInside(card)
    || Array.from(card.querySelectorAll("input, select, textarea")).some(changed);
  // The new words stand beside the form now, so it closes them too.
  const seen = (old, fresh) => {
    const was = old.querySelector("[name=home]");
    const is = fresh.querySelector("[name=home]");
    if (!was || !is || was.tagName !== is.tagName) return;
    if (was.tagName === "INPUT") {
      was.value = is.value;
      return;
    }
    const chosen = was.value.split(".")[0];
    was.replaceChildren(...is.childNodes);
    const again = Array.from(was.options).find((one) => one.value.split(".")[0] === chosen);
    if (again && chosen) was.value = again.value;
  };
  const renew = (old, fresh) => {
    if (isSent(old)) return;
    old.className = fresh.className;
    if (!isBusy(old)) {
      if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
      return;
    }
    const gone = old.querySelector(".gone");
    if (gone) gone.remove();
    const form = old.querySelector("form");
    const parts = (card) => Array.from(card.children).filter((part) => part.tagName !== "FORM");
    if (parts(old).some(isInside)) return;
    for (const part of parts(old)) part.remove();
    for (const part of parts(fresh)) old.insertBefore(part, form);
    seen(old, fresh);
  };
  const leave = (card) => {
    if (card.querySelector(".gone")) return;
    const word = document.createElement("p");
    word.className = "wrong gone";
    word.textContent = "这一件已不在这一页：别人办结了，或者排到后面去了。";
    card.prepend(word);
  };
  const mend = (page) => {
    const fresh = cards(page);
    const known = new Map(cards(desk).map((card) => [card.id, card]));
    const order = fresh.map((card) => {
      const old = known.get(card.id);
      if (!old) return document.importNode(card, true);
      known.delete(card.id);
      renew(old, card);
      return old;
    });
    for (const [at, card] of cards(desk).entries()) {
      if (!known.has(card.id)) continue;
      if (isBusy(card) || card === document.activeElement) {
        leave(card);
        order.splice(Math.min(at, order.length), 0, card);
      } else {
        card.remove();
      }
    }
    // A card that is moved loses the focus: all others are moved around it, and it stays where it
    // is under the eyes.
    const here = order.find((card) => card.contains(document.activeElement));
    const top = here ? here.getBoundingClientRect().top : 0;
    const at = order.indexOf(here);
    for (const other of Array.from(list().children)) {
      if (!other.classList.contains("task")) other.remove();
    }
    order.forEach((card, n) => {
      if (n < at) list().insertBefore(card, here);
      else if (n > at) list().append(card);
    });
    const calm = page.querySelector("ol.desk > .calm");
    if (calm && order.length === 0) list().append(document.importNode(calm, true));
    if (here) window.scrollBy(0, here.getBoundingClientRect().top - top);
  };

  // What is new in class A, until somebody has been there.
  const KEY = "tongluo.desk.seen";
  const graves = () => {
    const words = document.getElementById("desk-sum").dataset.grave || "";
    return words.split(" ").filter((word) => word !== "");
  };
  const kept = JSON.parse(sessionStorage.getItem(KEY) || "null");
  const met = new Set(Array.isArray(kept) ? kept : graves());
  const keep = () => sessionStorage.setItem(KEY, JSON.stringify(Array.from(met).slice(-500)));
  const title = document.title;
  const bell = document.getElementById("desk-bell");
  bell.closest("label").hidden = false;
  bell.checked = localStorage.getItem("tongluo.desk.bell") === "1";
  let sound = null;
  const ring = () => {
    if (!bell.checked || !window.AudioContext) return;
    sound = sound || new AudioContext();
    sound.resume();
    for (const at of [0, 0.35, 0.7]) {
      const tone = sound.createOscillator();
      const level = sound.createGain();
      level.gain.value = 0.2;
      tone.frequency.value = 880;
      tone.connect(level).connect(sound.destination);
      tone.start(sound.currentTime + at);
      tone.stop(sound.currentTime + at + 0.2);
    }
  };
  bell.addEventListener("change", () => {
    localStorage.setItem("tongluo.desk.bell", bell.checked ? "1" : "0");
    ring();
  });
  let told = 0;
  const tell = () => {
    const fresh = graves().filter((uid) => !met.has(uid));
    const bar = document.getElementById("desk-new");
    document.title = fresh.length ? "【新甲类 " + fresh.length + " 件】" + title : title;
    if (fresh.length > told) ring();
    if (fresh.length === told && (told === 0) === (bar.firstChild === null)) return;
    told = fresh.length;
    bar.replaceChildren();
    if (told === 0) return;
    const link = document.createElement("a");
    link.href = "/desk?open=" + encodeURIComponent(fresh[0]) + "#t-" + fresh[0];
    link.textContent = "新来 " + told + " 件甲类，没有人接：去看";
    link.addEventListener("click", (event) => {
      const card = document.getElementById("t-" + fresh[0]);
      for (const uid of fresh) met.add(uid);
      keep();
      if (!card) return;
      event.preventDefault();
      card.focus();
      tell();
    });
    const words = document.createElement("p");
    words.className = "wrong";
    words.append(link);
    bar.append(words);
  };
  desk.addEventListener("focusin", (event) => {
    const card = event.target.closest(".task");
    if (!card || met.has(card.id.slice(2))) return;
    met.add(card.id.slice(2));
    keep();
    tell();
  });

  // A tab that nobody looks at tells by its title, so it asks as well.
  const lost = document.getElementById("desk-lost");
  const parser = new DOMParser();
  const PERIOD = 10000;
  let asking = false;
  const refresh = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
      const page = parser.parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("desk")) throw new Error("no desk");
      for (const id of ["desk-sum", "desk-more"]) {
        const old = document.getElementById(id);
        if (!old.contains(document.activeElement)) {
          old.replaceWith(document.importNode(page.getElementById(id), true));
        } else {
          old.dataset.grave = page.getElementById(id).dataset.grave || "";
        }
      }
      mend(page);
      tell();
      lost.hidden = true;
      desk.classList.remove("stale");
    } catch {
      lost.hidden = false;
      desk.classList.add("stale");
    } finally {
      asking = false;
    }
  };
  keep();
  tell();
  setInterval(refresh, PERIOD);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
})();

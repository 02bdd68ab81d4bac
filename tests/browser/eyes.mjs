// Real Chromium, and what every page is held to: no fault in the console, nothing wider than the
// screen, no serious finding of axe in light and dark, a picture at 360 and at 1440 px.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { setTimeout as pass } from "node:timers/promises";

// The packages lie outside the tree, where `npm ci` put them.
const packages = resolve(process.env.TONGLUO_BROWSER_PACKAGES ?? "target/browser");
const require = createRequire(join(packages, "here.cjs"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
export const PICTURES = resolve("artefacts/browser");
/** A cheap phone, and the desk of an office. */
export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1440, height: 900 };
/** What a busy machine may need for one step; only a failure ever takes this long. */
const PATIENCE_MS = 60_000;

export class Eyes {
  static async open(url) {
    mkdirSync(PICTURES, { recursive: true });
    const eyes = new Eyes();
    eyes.url = url;
    // Root has no sandbox of its own to give; a container's /dev/shm is small.
    const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
    const executablePath = process.env.TONGLUO_CHROMIUM ?? "/usr/bin/chromium";
    eyes.browser = await chromium.launch({
      executablePath, args, headless: true, timeout: 2 * PATIENCE_MS,
    });
    return eyes;
  }

  close() {
    return this.browser.close();
  }

  /** A browser of somebody's own, with cookies of its own. */
  async someone({ size = DESK, url = this.url, ...options } = {}) {
    const touch = size.width < 600;
    const context = await this.browser.newContext({
      viewport: size, baseURL: url, locale: "zh-CN", hasTouch: touch,
      reducedMotion: "reduce", ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.faults = [];
    page.on("console", (message) => {
      // A refusal that a test asked for is logged by the browser as an error, by its status.
      const refused = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !refused) page.faults.push(message.text());
    });
    page.on("pageerror", (fault) => page.faults.push(String(fault)));
    page.on("request", (request) => {
      const elsewhere = !request.url().startsWith(url) && !request.url().startsWith("data:");
      if (elsewhere) page.faults.push(`asked elsewhere: ${request.url()}`);
    });
    return page;
  }
}

/** Does something that leads to another page, and waits for that. */
export async function follow(page, act) {
  await Promise.all([page.waitForEvent("framenavigated"), act()]);
  await page.waitForLoadState("load");
}

/** Goes on where a button or link leads. */
export function press(page, button) {
  return follow(page, () => button.click());
}

/** Waits until a part of the page reads like this; gives what it says. */
export async function shows(part, pattern, why) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const text = await part.innerText();
    if (pattern.test(text)) return text;
    if (Date.now() > end) assert.match(text, pattern, why);
    await pass(100);
  }
}

/** Waits until what this selector names has the focus: keys typed before that go elsewhere. */
export function focused(page, selector) {
  return page.waitForFunction(
    (wanted) => document.hasFocus() && document.activeElement?.matches(wanted), selector,
  );
}

/** Types over what stands in the field that has the focus, until it holds just that. */
export async function type(page, text) {
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
  await page.waitForFunction((typed) => document.activeElement?.value === typed, text);
}

/** One press of Tab, until the focus has gone on. */
async function tab(page) {
  const before = await page.evaluateHandle(() => document.activeElement);
  await page.keyboard.press("Tab");
  await page.waitForFunction((was) => document.activeElement !== was, before);
  await before.dispose();
}

/** Waits until nothing lies over it and it is on the screen: a page scrolls after it has loaded. */
export async function inSight(part, why) {
  const end = Date.now() + PATIENCE_MS;
  const seen = (node) => {
    const box = node.getBoundingClientRect();
    const at = document.elementFromPoint(box.left + 20, box.top + box.height / 2);
    return at !== null && node.contains(at);
  };
  while (!await part.evaluate(seen)) {
    if (Date.now() > end) {
      await part.page().screenshot({ path: join(PICTURES, "not-in-sight.png") });
      assert.fail(`not in sight: ${why}`);
    }
    await pass(100);
  }
}

/** Goes on where the key leads what has the focus. */
export function enter(page) {
  return follow(page, () => page.keyboard.press("Enter"));
}

/** What a finger must meet on any page; links in the middle of a sentence are as high as it. */
const TARGETS = "button, .button, summary, select, input, textarea, label.line, nav a, .me a, "
  + "table a, a[href^='tel:']";

/**
 * Holds a page to what every page is held to, and takes its pictures. On a phone what is pressed is
 * at least 44 px high. `touch`: it is used in the rain, so everything is at least 48 px high and
 * wide; `text`: the smallest letters, in px.
 */
export async function look(page, name, { touch = false, text = 13 } = {}) {
  const before = page.viewportSize();
  for (const [size, scheme] of [[DESK, "light"], [PHONE, "dark"], [PHONE, "light"]]) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForFunction(
      ([width, dark]) => window.innerWidth === width
        && window.matchMedia("(prefers-color-scheme: dark)").matches === dark,
      [size.width, scheme === "dark"],
    );
    const where = `${name} at ${size.width} px, ${scheme}`;
    const wish = { targets: size === PHONE ? TARGETS : "", high: 44, wide: 0, text };
    const rain = { targets: `a, ${TARGETS}`, high: 48, wide: 48 };
    if (size === PHONE && touch) Object.assign(wish, rain);
    await holdsTogether(page, where, wish);
    await passesAxe(page, where);
    if (scheme === "light") {
      await picture(page, join(PICTURES, `${name}-${size.width}.png`), size);
    }
  }
  await page.setViewportSize(before);
  assert.deepEqual(page.faults, [], `${name}: faults in the console`);
}

/** The whole page in a window as high as it is: nothing that stays in sight lies over anything. */
async function picture(page, path, size) {
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  const height = Math.min(Math.max(whole, size.height), 12_000);
  await page.setViewportSize({ width: size.width, height });
  await page.waitForFunction((high) => window.innerHeight === high, height);
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path, fullPage: true });
  await page.setViewportSize(size);
}

async function passesAxe(page, where) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const found = await page.evaluate(
    async (tags) => (await window.axe.run(document, {
      runOnly: { type: "tag", values: tags }, resultTypes: ["violations"],
    })).violations,
    RULES,
  );
  const grave = found.filter(({ impact }) => impact === "serious" || impact === "critical");
  const lines = grave.map(({ id, nodes }) => {
    const some = nodes.slice(0, 3).map((node) => `${node.html}\n    ${node.failureSummary}`);
    return `${id}: ${nodes.length}\n  ${some.join("\n  ")}`;
  });
  assert.equal(grave.length, 0, `${where}: axe\n${lines.join("\n")}`);
}

async function holdsTogether(page, where, wish) {
  const found = await page.evaluate(({ targets, high, wide: broad, text }) => {
    const seen = (node) => node.checkVisibility({ visibilityProperty: true })
      && !node.closest(".skip, .visually-hidden, .default");
    const named = (node) => `${node.tagName} ${node.textContent.trim().slice(0, 20)}`;
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const small = new Set();
    // Said twice in a row (崇文社区崇文社区), or in English: nobody on duty wants to read that.
    const odd = new Set();
    const doubled = /(\p{Script=Han}{4,})\1/u;
    const english = /[a-z]{3,} [a-z]{3,}/i;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode.parentElement;
      // What a drawing says stands beside it in words; its letters grow and shrink with it.
      if (!walk.currentNode.data.trim() || !seen(node) || node.closest("svg[role=img]")) continue;
      if (Number.parseFloat(getComputedStyle(node).fontSize) < text) small.add(named(node));
      const said = walk.currentNode.data;
      if (doubled.test(said) || (english.test(said) && !node.closest("code"))) odd.add(said);
    }
    const low = [];
    for (const node of targets ? document.querySelectorAll(targets) : []) {
      // A box to tick is as large as its label.
      if (["checkbox", "radio", "hidden"].includes(node.type)) continue;
      const box = node.getBoundingClientRect();
      if (seen(node) && (box.height < high - 0.1 || box.width < broad)) {
        low.push(`${named(node)} ${Math.round(box.width)}×${Math.round(box.height)}`);
      }
    }
    return { wide, small: [...small], odd: [...odd], low };
  }, wish);
  const well = { wide: 0, small: [], odd: [], low: [] };
  assert.deepEqual(found, well, `${where}: too wide, too small, odd words`);
}

/** Walks the page by Tab; every stop must show where it is. Gives the stops' texts. */
export async function tabs(page, most = 60) {
  const stops = [];
  for (let turn = 0; turn < most; turn += 1) {
    await tab(page);
    const stop = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      const { outlineStyle, outlineWidth } = getComputedStyle(node);
      const shown = outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
      const label = node.labels?.[0]?.textContent ?? node.textContent;
      return { text: label.trim(), tag: node.tagName.toLowerCase(), shown };
    });
    if (!stop) break;
    assert.ok(stop.shown, `nothing shows that ${stop.tag} ${stop.text} has the focus`);
    stops.push(stop.text);
  }
  return stops;
}

/** Presses Tab until what this selector names has the focus. */
export async function tabOn(page, selector, most = 200) {
  for (let turn = 0; turn < most; turn += 1) {
    await tab(page);
    const there = await page.evaluate(
      (wanted) => document.activeElement?.matches(wanted) ?? false, selector,
    );
    if (there) return;
  }
  assert.fail(`no Tab leads to ${selector}`);
}

/** Presses Tab until something with this text has the focus. */
export async function tabTo(page, text, most = 200) {
  const met = new Set();
  for (let turn = 0; turn < most; turn += 1) {
    await tab(page);
    const here = await page.evaluate(() => {
      const node = document.activeElement;
      return (node?.labels?.[0]?.textContent ?? node?.textContent ?? "").trim();
    });
    if (here === text || (here.startsWith(text) && here.length < text.length + 12)) return;
    met.add(here.slice(0, 30));
  }
  assert.fail(`no Tab leads to ${text}, only to ${[...met].join(" | ")}`);
}

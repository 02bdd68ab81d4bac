// The help desk: a cry is taken, given a class and closed, by mouse and by one key each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { focused, follow, look, press, shows } from "../eyes.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("a cry for help is taken and closed at the desk", async () => {
    const page = await signed(town, "周受理");
    await press(page, page.getByRole("link", { name: "求助受理席" }));
    await look(page, "desk");
    // By its name: another cry may come first meanwhile.
    const id = await page.locator("li.task").first().getAttribute("id");
    const taken = page.locator(`#${id}`);
    await press(page, taken.getByRole("button", { name: "接手" }));
    await shows(taken, /周受理在办/);
    await look(page, "desk-taken");
    await taken.getByLabel("怎么办结的").fill("已接到避灾点");
    // By the key that ends a line: it does nothing else than the button beside the field.
    await follow(page, () => page.keyboard.press("Enter"));
    await shows(page.locator("#desk"), /刚办结[\s\S]*已接到避灾点/);
    await page.context().close();
  });

  test("one key takes the next task", async () => {
    const page = await signed(town, "周受理");
    await page.goto("/desk");
    const task = page.locator("li.task", { hasText: "没有人接" }).first();
    const id = await task.getAttribute("id");
    await page.keyboard.press("j");
    await focused(page, "li.task");
    const stands = await page.locator("li.task").evaluateAll(
      (all, id) => all.findIndex((one) => one.id === id), id,
    );
    for (let at = 0; at < stands; at += 1) await page.keyboard.press("j");
    await focused(page, `#${id}`);
    await follow(page, () => page.keyboard.press("t"));
    await shows(page.locator(`#${id}`), /周受理在办/);
    await page.context().close();
  });

  test("the desk stays fresh under the hands of whoever works at it", async () => {
    const page = await signed(town, "周受理");
    await page.goto("/desk");
    // He works: the focus is in a card, and something is typed there.
    const task = page.locator("li.task").first();
    const id = await task.getAttribute("id");
    const here = page.locator(`#${id}`);
    if (await here.getByRole("button", { name: "接手" }).count()) {
      await press(page, here.getByRole("button", { name: "接手" }));
    }
    const words = here.getByLabel("怎么办结的");
    await words.fill("正在联系网格");
    await words.focus();
    const before = await page.locator("#desk-sum").innerText();
    const cards = await page.locator("li.task").count();
    // A home from which nothing has come yet, and which is no card: its cry is a new one.
    const numbers = town.office.roster("addresses.csv").filter((row) => row.lane === "sms");
    await town.office.writeIn(`+86${numbers.at(-1).number}`, "救命，房子要塌了");
    const cry = page.locator("li.task", { hasText: "房子要塌了" });
    await cry.first().waitFor({ timeout: 20_000 });
    await shows(page.locator("#desk-new"), /新来 \d+ 件甲类，没有人接/);
    assert.match(await page.title(), /^【新甲类 \d+ 件】/, "a tab behind another says so too");
    assert.notEqual(await page.locator("#desk-sum").innerText(), before, "the headline too");
    assert.equal(await page.locator("li.task").count(), cards + 1);
    // Nothing was taken out of his hands.
    await focused(page, `#${id} input[name=result]`);
    assert.equal(await words.inputValue(), "正在联系网格");
    await page.keyboard.type("长");
    assert.equal(await words.inputValue(), "正在联系网格长");
    await look(page, "desk-fresh");
    // The bar leads there without losing it either.
    await page.getByRole("link", { name: /新来 \d+ 件甲类/ }).click();
    await focused(page, "li.task.c1");
    await page.waitForFunction(() => !document.title.startsWith("【新甲类"));
    assert.equal(await words.inputValue(), "正在联系网格长");
    // A card that another closes meanwhile is not snatched away from under the words.
    await words.focus();
    const other = await signed(town, "李签发");
    await other.goto(`/desk?open=${id.slice(2)}`);
    const theirs = other.locator(`#${id}`);
    await theirs.getByLabel("怎么办结的").fill("别处办结");
    await press(other, theirs.getByRole("button", { name: "办结" }));
    await shows(here, /已不在这一页/);
    assert.equal(await words.inputValue(), "正在联系网格长");
    await other.context().close();
    await page.context().close();
  });
};

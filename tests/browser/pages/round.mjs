// A leader's list on a cheap phone: takes it, ticks doors, hands it over; by finger, and on a
// phone that runs no script.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, follow, inSight, look, press, shows } from "../eyes.mjs";

const FINGERS = { touch: true, text: 14 };

/** The list in the hands of whoever has this link. */
export async function offered(town, grid, options = {}) {
  const leader = town.office.leader(town.grids[grid]);
  const path = await town.office.listPath(leader.numbers);
  const page = await town.eyes.someone({ size: PHONE, ...options });
  await page.goto(path);
  return page;
}

/** The first door that was not gone to. */
export function freshDoor(page, mark = "") {
  return page.locator(`li.door.fresh${mark}`).first();
}

/** What custody says of a list in these hands. */
export async function held(town, grid) {
  const { lists } = await town.office.does("李签发", `alert show ${town.alert}`);
  const place = town.grids[grid];
  return lists.filter((list) => list.place_code === place && list.state === "taken");
}

export default (town) => {
  test("a leader takes his list, ticks doors and hands it over, at 360 px", async () => {
    const page = await offered(town, 0);
    await look(page, "round-offered", FINGERS);
    assert.equal((await held(town, 0)).length, 0, "a look takes nothing");
    await press(page, page.getByRole("button", { name: "我来接手" }));
    await shows(page.getByRole("status"), /由您接手了/);
    assert.equal((await held(town, 0)).length, 1);
    await look(page, "round-taken", FINGERS);

    let door = freshDoor(page);
    const first = await door.getAttribute("id");
    await press(page, door.getByRole("button", { name: "家中无人" }));
    await shows(page.getByRole("status"), /已记下“家中无人”/);
    await inSight(page.getByRole("status"), "what the tap did is in sight");
    await inSight(freshDoor(page).locator("h3"), "so is the next door");
    assert.notEqual(await freshDoor(page).getAttribute("id"), first, "the walk goes on");

    door = freshDoor(page);
    await door.locator("summary", { hasText: "已转移" }).tap();
    await look(page, "round-moved", FINGERS);
    const moved = await door.getAttribute("id");
    await press(page, door.getByRole("button", { name: "集中安置" }));
    await shows(page.getByRole("status"), /办好了/);
    assert.equal(await page.locator(`li.door#${moved}`).count(), 0, "it is done");

    door = freshDoor(page);
    await door.locator("summary", { hasText: "拒绝转移" }).tap();
    await press(page, door.getByRole("button", { name: "不信会淹" }));
    await shows(page.getByRole("status"), /还没落实/);

    door = freshDoor(page);
    await door.locator("summary", { hasText: "要救人" }).tap();
    await press(page, door.getByRole("button", { name: "有生命危险" }));
    await shows(page.getByRole("status"), /求救已报值班室/);
    await shows(page.locator("li.door").first(), /求助/, "help comes first");
    await look(page, "round-walked", FINGERS);

    await page.locator("summary", { hasText: "去不了，转交" }).tap();
    await press(page, page.getByRole("button", { name: "去不了，转交给下一位" }));
    await shows(page.getByRole("status"), /转交了/);
    assert.equal((await held(town, 0)).length, 0);
    await look(page, "round-passed", FINGERS);
    await page.context().close();
  });

  test("a list is taken and ticked on a phone that runs no script", async () => {
    const page = await offered(town, 1, { javaScriptEnabled: false });
    await press(page, page.getByRole("button", { name: "我来接手" }));
    assert.equal((await held(town, 1)).length, 1);
    const door = freshDoor(page);
    await door.locator("summary", { hasText: "已转移" }).tap();
    await press(page, door.getByRole("button", { name: "投亲靠友" }));
    await shows(page.getByRole("status"), /办好了/);
    await page.context().close();
  });

  test("a telephone that was dialled is told, and no number lies open", async () => {
    const page = await offered(town, 1);
    const dial = page.locator("a.dial").first();
    assert.match(await dial.getAttribute("href"), /^tel:/);
    const number = (await dial.getAttribute("href")).slice(4);
    assert.doesNotMatch(await page.innerText("body"), new RegExp(number.slice(-8)));
    const [request] = await Promise.all([
      page.waitForRequest((request) => request.method() === "POST"),
      dial.evaluate((node) => {
        // The dialler is the phone's: here only the page's part of it.
        node.addEventListener("click", (event) => event.preventDefault(), { once: true });
        node.click();
      }),
    ]);
    assert.match(request.postData(), /do=called/);
    await page.context().close();
  });

  test("two fast taps count once", async () => {
    const page = await offered(town, 1);
    const door = freshDoor(page);
    let sent = 0;
    page.on("request", (request) => (sent += request.method() === "POST" ? 1 : 0));
    const twice = (button) => [1, 2].forEach(() => button.click());
    await follow(page, () => door.getByRole("button", { name: "家中无人" }).evaluate(twice));
    assert.equal(sent, 1);
    await page.context().close();
  });
};

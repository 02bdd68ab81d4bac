// The first page: what is live, what waits, whether everything is ready.

import assert from "node:assert/strict";
import { test } from "node:test";
import { look, shows } from "../eyes.mjs";
import { signed } from "./signin.mjs";

export default (town) => {
  test("the first page says what is live and what is not ready", async () => {
    const page = await signed(town, "李签发");
    const live = page.getByRole("region", { name: "正在执行" });
    await shows(live, /转移指令[\s\S]*户未应答/);
    assert.match(await page.innerText(".stripe"), /练习系统/, "a practice installation says so");
    const bytes = Buffer.byteLength(await page.content());
    assert.ok(bytes < 60 * 1024, `${bytes} bytes`);
    await look(page, "home");
    await page.context().close();
  });

  test("what happens shows without a hand on the page", async () => {
    const page = await signed(town, "李签发");
    const waits = page.getByRole("region", { name: "等着处理" });
    assert.doesNotMatch(await waits.innerText(), /求助/);
    const home = town.office.roster("addresses.csv").find((row) => row.lane === "sms");
    await town.office.writeIn(`+86${home.number}`, "水进屋了，快来救人");
    await shows(waits, /求助[\s\S]*没有人接/);
    await look(page, "home-help");
    await page.context().close();
  });
};

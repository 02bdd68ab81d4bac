// A resident of 78 on a phone of her daughter's: reads what to do, says one thing by one tap.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, look, press, shows } from "../eyes.mjs";

const OLD = { touch: true, text: 16 };

export default (town) => {
  // Homes of three in the danger zone, from the far end of the leaders' walk.
  const homes = () => {
    const zone = town.office.roster("zone_members.csv").at(-1).place_code;
    const rows = town.office.roster("households.csv");
    const here = (row) => row.code.startsWith(zone) && row.kind === "home";
    return rows.filter((row) => here(row) && row.persons === "3" && !row.needs).reverse();
  };

  test("a household reads what to do and says that all have left", async () => {
    const [home] = homes();
    const page = await town.eyes.someone({ size: PHONE });
    await page.goto(await town.office.homePath(town.alert, home.code));
    const text = await page.innerText("main");
    for (const words of ["四明小学", home.name]) assert.ok(text.includes(words), text);
    assert.match(text, /请离家到四明小学/);
    assert.match(text, /\d\d:\d\d前/, "until when");
    await look(page, "resident", OLD);
    await press(page, page.getByRole("button", { name: "知道了" }));
    await shows(page.getByRole("status").first(), /收到了[\s\S]*知道了/);
    await look(page, "resident-heard", OLD);
    await press(page, page.getByRole("button", { name: /都.*离开了/ }));
    const asked = page.getByRole("button", { name: "是，3人都走了" });
    await look(page, "resident-asked", OLD);
    await press(page, asked);
    await shows(page.getByRole("status").first(), /谢谢，办好了/);
    await page.context().close();
  });

  test("a cry for help arrives at the desk, without script too", async () => {
    const [, home] = homes();
    const page = await town.eyes.someone({ size: PHONE, javaScriptEnabled: false });
    const path = await town.office.homePath(town.alert, home.code);
    await page.goto(path);
    await press(page, page.getByRole("button", { name: "要人帮" }));
    await shows(page.getByRole("status").first(), /收到了/);
    const tasks = await town.office.does("李签发", `desk show --alert ${town.alert}`);
    assert.ok(tasks.some((task) => task.household === home.code), JSON.stringify(tasks));
    await page.context().close();
    const again = await town.eyes.someone({ size: PHONE });
    await again.goto(path);
    await look(again, "resident-help", OLD);
    await again.context().close();
  });
};
